'use strict';
// Every case of Tests/Models/manifest.txt, the list that the C tests run; make_manifest.py describes a line, and the comparison is that of
// Tests/C/golden_cases.c.
const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const { mindSporeLite, inModels } = require('./support.js');

const ARRAYS = { float32: Float32Array, int32: Int32Array, int64: BigInt64Array, int8: Int8Array, uint8: Uint8Array, bool: Uint8Array };
const TYPES = { 30: Uint8Array, 32: Int8Array, 34: Int32Array, 35: BigInt64Array, 37: Uint8Array, 43: Float32Array };

function parseTensor(text) {
  const [name, file, typed, dims, last] = text.split('|');
  const [dtype, quantised] = typed.split('*');
  const tensor = { name, file, dtype, shape: dims === 'scalar' ? [] : dims.split('x').map(Number), scale: 0, zero: 0 };
  if (quantised) [tensor.scale, tensor.zero] = quantised.split('@').map(Number);
  if (last === 'nchw') tensor.nchw = true;
  else if (last && last.endsWith('steps')) tensor.steps = parseFloat(last);
  else if (last) tensor.tolerance = Number(last);
  return tensor;
}

function parseCase(line) {
  const result = { inputs: [], outputs: [] };
  for (const word of line.split(' ')) {
    const at = word.indexOf('=');
    const [key, value] = at < 0 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)];
    if (key === 'in') result.inputs.push(parseTensor(value));
    else if (key === 'out') result.outputs.push(parseTensor(value));
    else if (key === 'refused') result.refused = true;
    else if (key === 'case' || key === 'model' || key === 'key') result[key] = value;
    else throw new Error(`unknown field ${word}`);
  }
  return result;
}

/** Recorded values as real numbers, channels last where the model wants them so. */
function values(spec) {
  const [kind, header] = spec.dtype.split('+');
  let bytes = fs.readFileSync(inModels(spec.file));
  if (header) bytes = bytes.subarray(4 + 4 * bytes.readUInt32LE(0));
  const raw = Array.from(new ARRAYS[kind](new Uint8Array(bytes).buffer), Number);
  const count = spec.shape.reduce((a, b) => a * b, 1);
  assert.equal(raw.length, count, spec.file);
  const [, c, h, w] = spec.shape;
  return raw.map((_, i) => {
    let from = i;
    if (spec.nchw) from = (Math.floor(i / (c * h * w)) * c + (i % c)) * h * w + (Math.floor(i / c) % (h * w));
    return spec.scale > 0 ? spec.scale * (raw[from] - spec.zero) : raw[from];
  });
}

const modelShape = (spec) => (spec.nchw ? [0, 2, 3, 1].map((k) => spec.shape[k]) : spec.shape);

function compare(tensor, spec) {
  const golden = values(spec);
  const real = Array.from(new TYPES[tensor.dtype](tensor.getData()), Number);
  // Dimensions of one are the converter's business.
  const long = (shape) => shape.filter((d) => d !== 1);
  assert.deepEqual(long(tensor.shape), long(spec.shape), `${spec.name} has another shape`);
  let peak = 0, worst = 0, top = 0, goldenTop = 0;
  for (let i = 0; i < golden.length; i++) {
    if (Number.isFinite(golden[i])) peak = Math.max(peak, Math.abs(golden[i]));
    if (real[i] > real[top]) top = i;
    if (golden[i] > golden[goldenTop]) goldenTop = i;
    if (real[i] === golden[i] || (Number.isNaN(real[i]) && Number.isNaN(golden[i]))) continue;
    const difference = Math.abs(real[i] - golden[i]);
    worst = Math.max(worst, Number.isNaN(difference) ? Infinity : difference);
  }
  const tolerance = spec.steps > 0 && peak > 0 ? ((spec.steps * spec.scale) / peak) * (1 + 1e-6) : spec.tolerance;
  const relative = worst / (peak || 1);
  assert.ok(relative <= tolerance, `${spec.name}: off by ${relative} of the peak ${peak}, allowed ${tolerance}`);
  if (spec.scale > 0 && golden.length) assert.ok(golden[top] >= golden[goldenTop] - tolerance * peak, `${spec.name}: the largest value is elsewhere`);
}

/** Gives the model the recorded inputs, and their shapes; a case without data runs on zeros. */
function setInputs(model, recorded) {
  let inputs = model.getInputs();
  if (recorded.length === 0) {
    for (const input of inputs) input.setData(new ArrayBuffer(input.dataSize));
    return inputs;
  }
  assert.equal(inputs.length, recorded.length);
  const specs = inputs.map(() => null);
  recorded.forEach((spec, k) => {
    const named = inputs.findIndex((input) => input.name === spec.name);
    specs[named < 0 ? k : named] = spec;
  });
  if (inputs.some((input, k) => input.shape.join() !== modelShape(specs[k]).join())) {
    assert.ok(model.resize(inputs, specs.map(modelShape)), mindSporeLite.getLastError());
    inputs = model.getInputs();
  }
  inputs.forEach((input, k) => {
    const Kind = TYPES[input.dtype];
    input.setData(Kind.from(values(specs[k]), Kind === BigInt64Array ? (v) => BigInt(Math.trunc(v)) : undefined));
  });
  return inputs;
}

const cases = fs.readFileSync(inModels('manifest.txt'), 'utf8').split('\n').filter((line) => line && !line.startsWith('#')).map(parseCase);

test('the list is there', () => assert.ok(cases.length > 150));

for (const one of cases) {
  const decryption = one.key ? { key: Buffer.from(one.key, 'hex') } : undefined;
  test(one.case, async () => {
    const file = inModels(one.model);
    if (one.refused) {
      await assert.rejects(mindSporeLite.loadModelFromFile(file, { decryption }), (error) => error.code >= 0xf0000000 && error.message.length > 0);
      return;
    }
    const loads = [() => mindSporeLite.loadModelFromFile(file, { cpu: { threadNum: 1 }, decryption })];
    // Weights in a file beside the model cannot be found from memory.
    if (!fs.existsSync(file.replace(/ms$/, 'msw'))) loads.push(() => mindSporeLite.loadModelFromBuffer(new Uint8Array(fs.readFileSync(file)).buffer, { decryption }));
    const bits = [];
    for (const load of loads) {
      const model = await load();
      const outputs = await model.predict(setInputs(model, one.inputs));
      one.outputs.forEach((spec, k) => compare(outputs.find((output) => output.name === spec.name) || outputs[k], spec));
      bits.push(outputs.map((output) => Buffer.from(output.getData()).toString('base64')));
      model.close();
    }
    assert.deepEqual(bits.at(-1), bits[0], 'the bits depend on the number of threads');
  });
}
