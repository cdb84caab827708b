/**
 * Encodes a graph as an ONNX model, after the message and field numbers of onnx.proto3 (IR version 10, opset 21, or 23
 * where its operators ask for it).
 * The wire format is so small here that a schema compiler would be longer than this file.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import {
  type Attribute,
  type Attributes,
  capturedName,
  DATA_TYPES,
  type Graph,
  type Initializer,
  type Node,
  type Shape,
  type Value,
} from './node.ts'

const IR_VERSION = 10
const OPSET = 21
/** The first to have the operator Attention. */
const ATTENTION_OPSET = 23

const hasAttention = ({ nodes }: Graph): boolean =>
  nodes.some(
    ({ operator, attributes }) =>
      operator === 'Attention' ||
      Object.values(attributes).some(({ kind, value }) => kind === 'graph' && hasAttention(value)),
  )

/** What runs elsewhere too asks for no more than it needs. */
const opsetsOf = (graph: Graph) =>
  [
    ['', hasAttention(graph) ? ATTENTION_OPSET : OPSET],
    ['com.microsoft', 1],
  ] as const

type Message = (writer: BinaryWriter) => void

const string = (writer: BinaryWriter, field: number, value: string) =>
  writer.tag(field, WireType.LengthDelimited).string(value)
const bytes = (writer: BinaryWriter, field: number, value: Uint8Array) =>
  writer.tag(field, WireType.LengthDelimited).bytes(value)
const int64 = (writer: BinaryWriter, field: number, value: number) =>
  writer.tag(field, WireType.Varint).int64(value)
const float32 = (writer: BinaryWriter, field: number, value: number) =>
  writer.tag(field, WireType.Bit32).float(value)
const message = (writer: BinaryWriter, field: number, body: Message) => {
  writer.tag(field, WireType.LengthDelimited).fork()
  body(writer)
  writer.join()
}

const writeAttribute =
  (name: string, attribute: Attribute): Message =>
  w => {
    string(w, 1, name)
    switch (attribute.kind) {
      case 'float':
        float32(w, 2, attribute.value)
        int64(w, 20, 1)
        break
      case 'int':
        int64(w, 3, attribute.value)
        int64(w, 20, 2)
        break
      case 'string':
        bytes(w, 4, Buffer.from(attribute.value))
        int64(w, 20, 3)
        break
      case 'graph':
        message(w, 6, writeGraph(attribute.value))
        int64(w, 20, 5)
        break
      case 'floats':
        for (const value of attribute.value) float32(w, 7, value)
        int64(w, 20, 6)
        break
      case 'ints':
        for (const value of attribute.value) int64(w, 8, value)
        int64(w, 20, 7)
        break
    }
  }

/** Graphs among the attributes, with what they capture by the names that it has around them. */
const resolved = ({ attributes, captures }: Node): Attributes => {
  if (!captures) return attributes
  const names = new Map(captures.map(({ name }, i) => [capturedName(i), name]))
  const named = (value: Value | undefined) =>
    value && { ...value, name: names.get(value.name) ?? value.name }
  const inner = (graph: Graph): Graph => ({
    ...graph,
    nodes: graph.nodes.map(node => ({ ...node, inputs: node.inputs.map(named) })),
  })
  return Object.fromEntries(
    Object.entries(attributes).map(([name, attribute]) => [
      name,
      attribute.kind === 'graph' ? { ...attribute, value: inner(attribute.value) } : attribute,
    ]),
  )
}

const writeNode =
  (node: Node): Message =>
  w => {
    for (const input of node.inputs) string(w, 1, input?.name ?? '')
    for (const output of node.outputs) string(w, 2, output?.name ?? '')
    const name = node.outputs.find(output => output)?.name ?? node.operator
    string(w, 3, node.scope === undefined ? name : `${node.scope}/${name}`)
    string(w, 4, node.operator)
    for (const [name, attribute] of Object.entries(resolved(node)))
      message(w, 5, writeAttribute(name, attribute))
    if (node.domain) string(w, 7, node.domain)
  }

const writeEntry =
  (key: string, value: string): Message =>
  w => {
    string(w, 1, key)
    string(w, 2, value)
  }

const writeInitializer =
  (initializer: Initializer): Message =>
  w => {
    const { name, type, shape } = initializer.value
    for (const dimension of shape) int64(w, 1, Number(dimension))
    int64(w, 2, DATA_TYPES[type])
    string(w, 8, name)
    if ('data' in initializer) {
      bytes(w, 9, initializer.data)
      return
    }
    const { location, offset, bytes: length } = initializer.external
    message(w, 13, writeEntry('location', location))
    message(w, 13, writeEntry('offset', String(offset)))
    message(w, 13, writeEntry('length', String(length)))
    int64(w, 14, 1)
  }

const writeShape =
  (shape: Shape): Message =>
  w => {
    for (const dimension of shape)
      message(w, 1, d =>
        typeof dimension === 'number' ? int64(d, 1, dimension) : string(d, 2, dimension),
      )
  }

const writeTensorType =
  ({ type, shape }: Value): Message =>
  w =>
    message(w, 1, tensor => {
      int64(tensor, 1, DATA_TYPES[type])
      message(tensor, 2, writeShape(shape))
    })

const writeValueInfo =
  (value: Value): Message =>
  w => {
    const tensor = writeTensorType(value)
    string(w, 1, value.name)
    message(w, 2, value.isSequence ? t => message(t, 4, list => message(list, 1, tensor)) : tensor)
  }

/** Dimensions that ONNX Runtime cannot infer. Values of equal ones share memory, which else is split up at each step. */
const namedShapes = ({ nodes }: Graph): readonly Value[] =>
  nodes
    .flatMap(({ outputs }) => outputs)
    .filter(output => output !== undefined)
    .filter(({ shape }) => shape.some(dimension => typeof dimension === 'string'))

const writeGraph =
  (graph: Graph): Message =>
  w => {
    for (const node of graph.nodes) message(w, 1, writeNode(node))
    string(w, 2, graph.name)
    for (const initializer of graph.initializers) message(w, 5, writeInitializer(initializer))
    for (const input of graph.inputs) message(w, 11, writeValueInfo(input))
    for (const output of graph.outputs) message(w, 12, writeValueInfo(output))
    const outputs = new Set(graph.outputs.map(({ name }) => name))
    for (const value of namedShapes(graph))
      if (!outputs.has(value.name)) message(w, 13, writeValueInfo(value))
  }

/** @returns the bytes of a `.onnx` file; external data must lie in the same folder as it */
export const writeOnnx = (graph: Graph): Uint8Array<ArrayBuffer> => {
  const writer = new BinaryWriter()
  int64(writer, 1, IR_VERSION)
  string(writer, 2, 'attune')
  message(writer, 7, writeGraph(graph))
  for (const [domain, version] of opsetsOf(graph))
    message(writer, 8, w => {
      string(w, 1, domain)
      int64(w, 2, version)
    })
  return writer.finish()
}
