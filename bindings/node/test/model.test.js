'use strict';
// Right and wrong use.
const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Worker } = require('node:worker_threads');
const { mindSporeLite, inModels, relu, face, mlp, oneThread, gc } = require('./support.js');

const grey = (value = 0.5) => new Float32Array(48 * 48 * 3).fill(value);
const wrong = { name: 'TypeError', code: 401 };

test('a model and its tensors describe themselves', async () => {
  const model = await mindSporeLite.loadModelFromFile(face);
  const [data] = model.getInputs();
  assert.equal(data.name, 'data');
  assert.deepEqual(data.shape, [1, 48, 48, 3]);
  assert.deepEqual([data.elementNum, data.dataSize], [6912, 27648]);
  assert.equal(data.dtype, mindSporeLite.DataType.NUMBER_TYPE_FLOAT32);
  assert.equal(data.format, mindSporeLite.Format.NHWC);
  assert.equal(model.getOutputs()[0].name, 'prob');
  assert.equal(model.trainMode, false);
  assert.equal(model.learningRate, 0);
  assert.match(mindSporeLite.getVersion(), /^mslite /);
  assert.throws(() => { data.shape = [1]; }, TypeError);
});

test('every form of loading gives the same results', async () => {
  const bytes = fs.readFileSync(face);
  const fd = fs.openSync(face, 'r');
  const context = { target: ['cpu'], cpu: { threadNum: 1, threadAffinityMode: 0, precisionMode: 'enforce_fp32', threadAffinityCoreList: [0] } };
  const called = (load, ...rest) => new Promise((resolve, reject) => assert.equal(
    load(...rest, (model, error) => (error ? reject(error) : resolve(model))), undefined));
  const loaded = await Promise.all([
    mindSporeLite.loadModelFromFile(face), mindSporeLite.loadModelFromFile(face, context),
    called(mindSporeLite.loadModelFromFile, face), called(mindSporeLite.loadModelFromFile, face, context),
    mindSporeLite.loadModelFromBuffer(new Uint8Array(bytes).buffer), mindSporeLite.loadModelFromBuffer(bytes, context),
    called(mindSporeLite.loadModelFromBuffer, new DataView(new Uint8Array(bytes).buffer)),
    called(mindSporeLite.loadModelFromBuffer, bytes, context),
    mindSporeLite.loadModelFromFd(fd), mindSporeLite.loadModelFromFd(fd, context), called(mindSporeLite.loadModelFromFd, fd),
    called(mindSporeLite.loadModelFromFd, fd, context), mindSporeLite.loadModelFromFile(face, null), mindSporeLite.loadModelFromFile(face, {}),
    mindSporeLite.loadTrainModelFromFile(face), mindSporeLite.loadModelFromFile(face, { cpu: undefined, target: undefined }),
  ]);
  fs.closeSync(fd);
  const results = [];
  for (const model of loaded) {
    const inputs = model.getInputs();
    inputs[0].setData(grey().buffer);
    const outputs = await (results.length % 2 ? model.predict(inputs)
      : new Promise((resolve, reject) => model.predict(inputs, (out, error) => (error ? reject(error) : resolve(out)))));
    results.push(Buffer.from(outputs[0].getData()).toString('hex'));
  }
  assert.equal(new Set(results).size, 1);
});

test('what is no model is refused with the engine\'s text', async () => {
  const failed = (promise, text) => assert.rejects(promise, (error) => error instanceof Error && error.code >= 0xf0000000 && text.test(error.message));
  await failed(mindSporeLite.loadModelFromFile('/no/such/model.ms'), /\/no\/such\/model\.ms/);
  await failed(mindSporeLite.loadModelFromFile('/'), /./);
  await failed(mindSporeLite.loadModelFromFile(''), /./);
  await failed(mindSporeLite.loadModelFromBuffer(new ArrayBuffer(0)), /./);
  await failed(mindSporeLite.loadModelFromBuffer(new Uint8Array(100)), /./);
  await failed(mindSporeLite.loadModelFromFd(999999), /999999.*descriptor/i);
  const fd = fs.openSync('/', 'r');
  await failed(mindSporeLite.loadModelFromFd(fd), /./);
  fs.closeSync(fd);
  const error = await new Promise((resolve) => mindSporeLite.loadModelFromFile('/none', (model, e) => resolve([model, e])));
  assert.equal(error[0], undefined);
  assert.match(error[1].message, /none/);
  await failed(mindSporeLite.loadModelFromFile(relu, { target: [] }), /./);
  if (mindSporeLite.getAllNNRTDeviceDescriptions().length === 0) await failed(mindSporeLite.loadModelFromFile(relu, { target: ['nnrt'] }), /./);
});

test('wrong arguments throw', async () => {
  const { loadModelFromFile, loadModelFromBuffer, loadModelFromFd, loadTrainModelFromFile } = mindSporeLite;
  for (const value of [undefined, null, 3, {}, [], Symbol('x'), () => 1, 'a\0b']) assert.throws(() => loadModelFromFile(value), wrong);
  for (const value of [undefined, null, 'x', {}, [1, 2]]) assert.throws(() => loadModelFromBuffer(value), wrong);
  for (const value of [undefined, 'x', -1, 1.5, NaN, 2 ** 40, {}]) assert.throws(() => loadModelFromFd(value), wrong);
  for (const context of [
    3, 'cpu', true, { target: 'cpu' }, { target: ['tpu'] }, { target: [3] }, { cpu: 3 }, { cpu: { threadNum: -1 } }, { cpu: { threadNum: 'two' } },
    { cpu: { threadNum: 1.5 } }, { cpu: { threadAffinityMode: 7 } }, { cpu: { threadAffinityCoreList: 3 } }, { cpu: { threadAffinityCoreList: ['a'] } },
    { cpu: { precisionMode: 'fp8' } }, { cpu: { precisionMode: 8 } }, { target: ['nnrt'], nnrt: 4 }, { target: ['nnrt'], nnrt: { deviceID: -1n } },
    { target: ['nnrt'], nnrt: { deviceID: 2n ** 64n } }, { target: ['nnrt'], nnrt: { priority: 9 } }, { target: ['nnrt'], nnrt: { extensions: 1 } },
    { target: ['nnrt'], nnrt: { extensions: [{}] } }, { target: ['nnrt'], nnrt: { extensions: [{ name: 'x', value: 3 }] } },
  ]) assert.throws(() => loadModelFromFile(relu, context), wrong);
  assert.throws(() => loadModelFromFile(relu, {}, 3), wrong);
  for (const decryption of [3, {}, { key: 'text' }, { key: new ArrayBuffer(16), mode: 3 }]) assert.throws(() => loadModelFromFile(relu, { decryption }), wrong);
  for (const decryption of [{ key: new ArrayBuffer(3) }, { key: new ArrayBuffer(0) }]) {
    assert.throws(() => loadModelFromFile(relu, { decryption }), { code: 0xfffffffd });
  }
  assert.throws(() => loadModelFromFile(relu, { decryption: { key: new ArrayBuffer(16), mode: 'ROT13' } }), { code: 0xfffffff9 });
  assert.throws(() => loadModelFromFile(relu, { target: ['nnrt'], nnrt: { extensions: [{ name: 'none', value: new ArrayBuffer(1) }] } }), /none/);
  const own = new Error('getter');
  assert.throws(() => loadModelFromFile(relu, { get cpu() { throw own; } }), own);
  for (const cfg of [3, { lossName: 'x' }, { lossName: [3] }, { optimizationLevel: 1 }, { optimizationLevel: 9 }]) {
    assert.throws(() => loadTrainModelFromFile(mlp, cfg), wrong);
  }

  const model = await loadModelFromFile(face);
  const inputs = model.getInputs();
  for (const value of [undefined, null, 3, {}, 'x', [3], [null], [{}], [model], inputs[0], [Object.create(Object.getPrototypeOf(inputs[0]))]]) {
    assert.throws(() => model.predict(value), wrong);
    assert.throws(() => model.predictSync(value), wrong);
    assert.throws(() => model.resize(value, [[1]]), wrong);
    assert.throws(() => model.runStep(value), wrong);
    assert.throws(() => model.updateWeights(value), wrong);
  }
  assert.throws(() => model.predict(inputs, 3), wrong);
  for (const dims of [undefined, 3, [3], [['a']], [[1.5]], [new Array(33).fill(1)], [[2 ** 40]]]) assert.throws(() => model.resize(inputs, dims), wrong);
  for (const value of [undefined, null, 3, 'x', [1], new ArrayBuffer(3), grey().subarray(1), new Float64Array(6912)]) {
    assert.throws(() => inputs[0].setData(value), wrong);
  }
  // Here the engine of JavaScript is the one that refuses.
  assert.throws(() => inputs[0].getData.call({}), TypeError);
  assert.throws(() => inputs[0].getData.call(model), TypeError);
  assert.throws(() => model.getInputs.call(inputs[0]), TypeError);
  assert.throws(() => Reflect.get(Object.getPrototypeOf(inputs[0]), 'shape'), TypeError);
  const Model = model.constructor, MSTensor = inputs[0].constructor;
  assert.throws(() => new Model(), wrong);
  assert.throws(() => new MSTensor(model), wrong);
  assert.throws(() => MSTensor(), TypeError);
  class Mine extends MSTensor {}
  assert.throws(() => new Mine(), wrong);
  Object.setPrototypeOf(model, MSTensor.prototype);
  assert.throws(() => model.getData(), TypeError);
  Object.setPrototypeOf(model, Model.prototype);
  model.close();
});

test('what the engine refuses', async () => {
  const model = await mindSporeLite.loadModelFromFile(face, oneThread);
  const inputs = model.getInputs();
  assert.throws(() => inputs[0].getData(), /no data/);
  await assert.rejects(model.predict(inputs), { code: 0xffffff9b }); // without data
  inputs[0].setData(grey());
  await assert.rejects(model.predict([]), { code: 0xffffffff });
  assert.throws(() => model.predictSync([]), { code: 0xffffffff });
  await assert.rejects(model.predict([inputs[0], inputs[0]]), { code: 0xffffffff });
  const other = await mindSporeLite.loadModelFromFile(relu, oneThread);
  const small = other.getInputs();
  small[0].setData(new Float32Array(20));
  await assert.rejects(model.predict(small), { code: 0xffffff9b });
  assert.throws(() => model.predictSync(small), { code: 0xffffff9b });
  assert.equal(model.resize(small, [[1, 48, 48, 3]]), false);
  assert.match(mindSporeLite.getLastError(), /Resize/);
  assert.equal(model.resize(inputs, [[1, 48, 48]]), false);
  assert.equal(model.resize(inputs, [[1, -48, 48, 3]]), false);
  assert.equal(model.resize(inputs, []), false);
  assert.equal(model.resize(inputs, [[2, 48, 48, 3]]), true);
  assert.deepEqual(inputs[0].shape, [2, 48, 48, 3]);
  inputs[0].setData(new Float32Array(2 * 6912).fill(0.5));
  const [prob] = await model.predict(inputs);
  assert.deepEqual(prob.shape, [2, 2]);
  // A training function on a model without training.
  assert.throws(() => { model.trainMode = true; }, { code: 0xffffffff });
  assert.throws(() => { model.learningRate = 1; }, { code: 0xffffffff });
  assert.throws(() => { model.learningRate = 'x'; }, wrong);
  assert.equal(model.setupVirtualBatch(2, -1, -1), false);
  assert.deepEqual(model.getWeights(), []);
  assert.equal(model.updateWeights([]), false);
  assert.equal(model.exportModel('/tmp/none.ms'), false);
  assert.throws(() => model.exportModelBuffer(), { code: 0xffffffff });
  assert.equal(model.exportWeightsCollaborateWithMicro('/tmp/none'), false);
});

test('closed models throw', async () => {
  const model = await mindSporeLite.loadModelFromFile(face);
  const inputs = model.getInputs();
  inputs[0].setData(grey());
  const outputs = await model.predict(inputs);
  model.close();
  for (const use of [
    () => model.predict(inputs), () => model.getInputs(), () => model.getOutputs(), () => model.resize(inputs, [[1, 48, 48, 3]]), () => model.close(),
    () => model.getWeights(), () => model.trainMode, () => inputs[0].getData(), () => inputs[0].setData(grey()), () => inputs[0].name,
    () => outputs[0].shape, () => outputs[0].getData(), () => outputs[0].dtype,
  ]) assert.throws(use, { message: 'the model is closed', code: 0xfffffffe });
  const other = await mindSporeLite.loadModelFromFile(face);
  assert.throws(() => other.predict(inputs), /closed/);
  assert.throws(() => other.predictSync(inputs), /closed/);
});

test('on this thread', async () => {
  const model = await mindSporeLite.loadModelFromFile(face);
  const inputs = model.getInputs();
  inputs[0].setData(grey());
  const [prob] = model.predictSync(inputs);
  const values = new Float32Array(prob.getData());
  assert.ok(Math.abs(values[0] + values[1] - 1) < 1e-3);
  assert.equal(model.predictSync(inputs)[0], prob); // the same object as long as there is one
  const [again] = await model.predict(inputs);
  assert.equal(again, prob);
  assert.deepEqual(new Float32Array(again.getData()), values);
});

test('a running model throws, and others run', async () => {
  const model = await mindSporeLite.loadModelFromFile(face, oneThread);
  const second = await mindSporeLite.loadModelFromFile(face, oneThread);
  const inputs = model.getInputs();
  inputs[0].setData(grey());
  const running = model.predict(inputs);
  for (const use of [
    () => model.predict(inputs), () => model.predictSync(inputs), () => model.close(), () => model.resize(inputs, [[1, 48, 48, 3]]), () => inputs[0].setData(grey()),
    () => inputs[0].getData(), () => model.getOutputs(), () => second.predict(inputs),
  ]) assert.throws(use, /running/);
  assert.deepEqual(inputs[0].shape, [1, 48, 48, 3]);
  const [a] = await running;
  const own = second.getInputs();
  own[0].setData(grey());
  const [[b], [c]] = await Promise.all([second.predict(own), model.predict(inputs)]);
  assert.deepEqual(a.getData(), b.getData());
  assert.deepEqual(c.getData(), b.getData());
  // A model may read another's tensors.
  const [d] = await second.predict(inputs);
  assert.deepEqual(d.getData(), c.getData());
  // The callback may use the model at once.
  await new Promise((resolve, reject) => model.predict(inputs, () => model.predict(inputs).then(resolve, reject)));
});

test('inputs that are forgotten during a run stay', async () => {
  for (let k = 0; k < 50; k++) {
    const running = (await mindSporeLite.loadModelFromFile(face, oneThread).then((model) => {
      const inputs = model.getInputs();
      inputs[0].setData(grey());
      return [model.predict(inputs)];
    }))[0];
    gc();
    assert.equal((await running)[0].getData().byteLength, 8);
  }
});

test('training: the recorded losses, weights, export', async (t) => {
  const folder = path.dirname(mlp);
  const meta = JSON.parse(fs.readFileSync(path.join(folder, 'meta.json')));
  const [x, y] = ['x.bin', 'y.bin'].map((name) => fs.readFileSync(path.join(folder, name)));
  const fd = fs.openSync(mlp, 'r');
  const work = fs.mkdtempSync(path.join(os.tmpdir(), 'mslite-node-'));
  t.after(() => fs.rmSync(work, { recursive: true }));
  for (const load of [
    () => mindSporeLite.loadTrainModelFromFile(mlp), () => mindSporeLite.loadTrainModelFromBuffer(fs.readFileSync(mlp), {}, oneThread),
    () => mindSporeLite.loadTrainModelFromFd(fd, { lossName: ['_loss_fn', 'loss_fct'], optimizationLevel: mindSporeLite.OptimizationLevel.O0 }),
  ]) {
    const model = await load();
    assert.equal(model.trainMode, true);
    assert.ok(Math.abs(model.learningRate - meta.lr) < 1e-6);
    const inputs = model.getInputs();
    meta.losses.forEach((loss, step) => {
      inputs.forEach((input, k) => input.setData([x, y][k].subarray(step * input.dataSize, (step + 1) * input.dataSize)));
      assert.equal(model.runStep(inputs), true);
      const [measured] = new Float32Array(model.getOutputs()[0].getData());
      assert.ok(Math.abs(measured - loss) <= 2e-3 * loss, `step ${step}: ${measured}, recorded ${loss}`);
    });
    const bias = model.getWeights().find((weight) => weight.name === 'd2.bias');
    const recorded = new Float32Array(new Uint8Array(fs.readFileSync(path.join(folder, 'w8_d2.bias.bin'))).buffer);
    new Float32Array(bias.getData()).forEach((value, k) => assert.ok(Math.abs(value - recorded[k]) <= 2e-3 * Math.max(...recorded.map(Math.abs))));
    model.trainMode = false;
    assert.equal(model.trainMode, false);
    inputs[0].setData(x.subarray(0, inputs[0].dataSize));
    const [logits] = await model.predict(inputs);
    const trained = new Float32Array(logits.getData());
    assert.equal(model.exportModel(path.join(work, 'small.ms')), true);
    for (const exported of [
      await mindSporeLite.loadModelFromFile(path.join(work, 'small.ms')), await mindSporeLite.loadModelFromBuffer(model.exportModelBuffer()),
    ]) {
      const own = exported.getInputs();
      own[0].setData(x.subarray(0, own[0].dataSize));
      const predicted = new Float32Array((await exported.predict(own))[0].getData());
      predicted.forEach((value, k) => assert.ok(Math.abs(value - trained[k]) < 1e-3));
    }
    bias.setData(new Float32Array(3).fill(7));
    assert.equal(model.updateWeights([bias]), true);
    assert.deepEqual(new Float32Array(model.getWeights().find((weight) => weight.name === 'd2.bias').getData()), new Float32Array(3).fill(7));
    assert.equal(model.updateWeights(inputs), false);
    model.learningRate = 0.25;
    assert.equal(model.learningRate, 0.25);
    assert.throws(() => { model.learningRate = -1; }, { code: 0xffffffff });
    assert.equal(model.setupVirtualBatch(2, -1, -1), true);
    assert.throws(() => model.setupVirtualBatch('a', 1, 1), wrong);
    assert.equal(model.exportModel(path.join(work, 'quantised'), mindSporeLite.QuantizationType.WEIGHT_QUANT, true, []), true);
    assert.equal(model.exportModel(path.join(work, 'none', 'x.ms')), false);
    assert.equal(model.exportModel(path.join(work, 'x.ms'), 0, true, ['no such tensor']), false);
    for (const args of [[3], ['x.ms', 9], ['x.ms', 0, 3], ['x.ms', 0, true, 'x'], ['x.ms', 0, true, [3]]]) {
      assert.throws(() => model.exportModel(...args), wrong);
    }
    assert.equal(model.exportWeightsCollaborateWithMicro(path.join(work, 'weights.bin'), true, false, []), true);
    assert.equal(model.exportWeightsCollaborateWithMicro(path.join(work, 'weights.bin'), false), false);
    assert.throws(() => model.runStep([inputs[0]]), wrong);
    model.close();
    assert.throws(() => bias.getData(), /closed/);
  }
  fs.closeSync(fd);
});

test('worker threads have models of their own', async () => {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { mindSporeLite } = require(workerData.module);
    (async () => {
      const model = await mindSporeLite.loadModelFromFile(workerData.face, { cpu: { threadNum: 1 } });
      const inputs = model.getInputs();
      inputs[0].setData(new Float32Array(6912).fill(0.5));
      let result;
      for (let k = 0; k < 20; k++) [result] = await model.predict(inputs);
      parentPort.postMessage(Buffer.from(result.getData()).toString('hex'));
      model.predict(inputs); // the thread ends meanwhile
    })();`;
  const results = await Promise.all([1, 2, 3, 4].map(() => new Promise((resolve, reject) => {
    const worker = new Worker(source, { eval: true, workerData: { face, module: require.resolve('mslite') } });
    let message;
    worker.on('message', (m) => { message = m; worker.terminate(); });
    worker.on('error', reject);
    worker.on('exit', () => resolve(message));
  })));
  assert.equal(new Set(results).size, 1);
  assert.equal(results[0].length, 16);
});

test('descriptions of NNRt devices', () => {
  for (const device of mindSporeLite.getAllNNRTDeviceDescriptions()) {
    assert.equal(typeof device.deviceID(), 'bigint');
    assert.ok(device.deviceType() in mindSporeLite.NNRTDeviceType);
    assert.ok(device.deviceName().length > 0);
  }
});

test('the module as an ES module', async () => {
  const module = await import(require.resolve('mslite'));
  assert.equal(module.mindSporeLite, mindSporeLite);
  assert.equal(module.default.default, mindSporeLite);
});
