'use strict';
// A device of the Neural Network Runtime: the project's CPU driver, in a process whose environment names it (MSLITE_TEST_NNRT is its
// folder).
const test = require('node:test');
const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { mindSporeLite, face } = require('./support.js');

const program = `
  const { mindSporeLite } = require(process.argv[1]);
  (async () => {
    const devices = mindSporeLite.getAllNNRTDeviceDescriptions();
    const nnrt = {
      deviceID: devices[0].deviceID(), performanceMode: mindSporeLite.PerformanceMode.PERFORMANCE_HIGH, priority: mindSporeLite.Priority.PRIORITY_LOW,
      extensions: [{ name: 'isProfiling', value: new TextEncoder().encode('1') }],
    };
    const model = await mindSporeLite.loadModelFromFile(process.argv[2], { target: ['nnrt', 'cpu'], nnrt });
    const inputs = model.getInputs();
    inputs[0].setData(new Float32Array(6912).fill(0.5));
    const [prob] = await model.predict(inputs);
    const refused = await mindSporeLite.loadModelFromFile(process.argv[2], { target: ['nnrt'], nnrt: { deviceID: 77n } }).catch((error) => error);
    console.log(JSON.stringify({
      names: devices.map((device) => device.deviceName()), types: devices.map((device) => device.deviceType()),
      result: Array.from(new Float32Array(prob.getData())), refused: refused.message, code: refused.code,
    }));
  })();`;

test('a device gives the same', async () => {
  const folder = process.env.MSLITE_TEST_NNRT;
  const env = { ...process.env, MSLITE_NNRT_PATH: folder, MSLITE_NNRT_DRIVERS: `${folder}/nnrt_drivers/libnnrt_driver_cpu.so` };
  const answer = JSON.parse(execFileSync(process.execPath, ['-e', program, require.resolve('mslite'), face], { env, encoding: 'utf8' }));
  assert.equal(answer.names.length, 1);
  assert.ok(answer.names[0].length > 0);
  assert.deepEqual(answer.types, [mindSporeLite.NNRTDeviceType.NNRTDEVICE_CPU]);
  const model = await mindSporeLite.loadModelFromFile(face);
  const inputs = model.getInputs();
  inputs[0].setData(new Float32Array(6912).fill(0.5));
  const expected = new Float32Array((await model.predict(inputs))[0].getData());
  answer.result.forEach((value, k) => assert.ok(Math.abs(value - expected[k]) < 1e-4));
  assert.match(answer.refused, /77/);
  assert.equal(answer.code, 0xffffffff);
});
