'use strict';
// Memory stays flat over 100,000 predictions, and over models that come and go without close().
const test = require('node:test');
const assert = require('node:assert/strict');
const { mindSporeLite, relu, mlp, oneThread, resident, collect } = require('./support.js');

async function predictions(model, count) {
  const inputs = model.getInputs();
  const data = new Float32Array(20).fill(1).buffer;
  for (let k = 0; k < count; k++) {
    inputs[0].setData(data);
    const [output] = await model.predict(inputs);
    if (k % 10 === 0) output.getData();
    if (k % 20 === 0) await model.predict([]).catch(() => {});
    if (k % 20 === 0) await new Promise((resolve) => model.predict(inputs, resolve));
    if (k % 5 === 0) model.predictSync(inputs);
  }
  await collect();
}

test('100,000 predictions', async () => {
  const model = await mindSporeLite.loadModelFromFile(relu, oneThread);
  await predictions(model, 20000);
  const before = resident();
  await predictions(model, 100000);
  const grown = resident() - before;
  console.log(`100,000 predictions: ${Math.round(grown)} KiB more`);
  assert.ok(grown < 4096, `${grown} KiB more`);
});

async function lives(count) {
  for (let k = 0; k < count; k++) {
    const model = await mindSporeLite.loadModelFromFile(relu, oneThread);
    const inputs = model.getInputs();
    model.resize(inputs, [[3, 4]]);
    inputs[0].setData(new Float32Array(12));
    await model.predict(inputs);
    await mindSporeLite.loadModelFromBuffer(new ArrayBuffer(10)).catch(() => {});
    const training = await mindSporeLite.loadTrainModelFromFile(mlp, {}, oneThread);
    training.runStep(training.getInputs());
    training.updateWeights(training.getWeights());
    training.exportModelBuffer();
    if (k % 50 === 0) await collect();
  }
  await collect();
}

test('models', async () => {
  await lives(300);
  const before = resident();
  await lives(1000);
  const grown = resident() - before;
  console.log(`1,000 models of each kind: ${Math.round(grown)} KiB more`);
  assert.ok(grown < 8192, `${grown} KiB more`);
});
