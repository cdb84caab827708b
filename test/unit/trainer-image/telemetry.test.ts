import t from 'tap'

t.test('no test loads ONNX Runtime with its telemetry on', async t => {
  t.equal(process.env['ORT_DISABLE_TELEMETRY'], '1', 'set before any import')
})
