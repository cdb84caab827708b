/** An ONNX graph as frozen data: values, nodes, initializers. Nothing here knows about ONNX Runtime. */
export const ELEMENT_TYPES = [
  'float32',
  'float64',
  'float16',
  'bfloat16',
  'int8',
  'uint8',
  'uint4',
  'int32',
  'int64',
  'bool',
] as const
export type ElementType = (typeof ELEMENT_TYPES)[number]

/** TensorProto.DataType */
export const DATA_TYPES: Readonly<Record<ElementType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
  uint4: 21,
}

/** A string is a symbolic dimension, known only when the graph runs. */
export type Dimension = number | string
export type Shape = readonly Dimension[]

export type Value = {
  readonly name: string
  readonly type: ElementType
  readonly shape: Shape
  /** a list of such tensors */
  readonly isSequence?: true
}

export type Attribute =
  | { readonly kind: 'int' | 'float'; readonly value: number }
  | { readonly kind: 'ints' | 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'graph'; readonly value: Graph }
export type Attributes = Readonly<Record<string, Attribute>>

/** `attune` is for composites, which are never written: their bodies are. */
export type Domain = '' | 'com.microsoft' | 'attune'

export type Node = {
  readonly operator: string
  readonly domain: Domain
  /** `undefined` where an optional input is left out */
  readonly inputs: readonly (Value | undefined)[]
  /** `undefined` where an optional output is not asked for */
  readonly outputs: readonly (Value | undefined)[]
  readonly attributes: Attributes
  /** what a graph among the attributes reads of the graph around it; there it goes by the names of `capturedName` */
  readonly captures?: readonly Value[]
  /** computed once more where the backward pass needs its outputs, instead of keeping them */
  readonly cheap?: boolean
  /** what it belongs to, as a path: `layers.3/mlp`; absent at the top */
  readonly scope?: string
  /** the nodes that a composite stands for */
  readonly body?: readonly Node[]
}

/** Where a tensor lies in a file beside the model file. ONNX Runtime refuses absolute paths. */
export type ExternalData = {
  readonly location: string
  readonly offset: number
  readonly bytes: number
}

export type Initializer =
  | { readonly value: Value; readonly data: Uint8Array }
  | { readonly value: Value; readonly external: ExternalData }

export type Graph = {
  readonly name: string
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
  readonly initializers: readonly Initializer[]
  readonly nodes: readonly Node[]
}

export const capturedName = (index: number): string => `captured_${index}`

/** @returns all that a node reads */
export const readsOf = ({
  inputs,
  captures = [],
}: Pick<Node, 'inputs' | 'captures'>): readonly (Value | undefined)[] => [...inputs, ...captures]

export const int = (value: number): Attribute => ({ kind: 'int', value })
export const float = (value: number): Attribute => ({ kind: 'float', value })
export const ints = (value: readonly number[]): Attribute => ({ kind: 'ints', value })
export const text = (value: string): Attribute => ({ kind: 'string', value })
export const subgraph = (value: Graph): Attribute => ({ kind: 'graph', value })
