'use strict';
// What a prediction costs beyond what it costs in C: below 50 microseconds. The fastest of many turns counts, because the machine may be
// busy.
const test = require('node:test');
const assert = require('node:assert/strict');
const path = require('node:path');
const { execFileSync } = require('node:child_process');
const { mindSporeLite, inModels, relu, oneThread } = require('./support.js');

async function measure(file, turns, count, cCount) {
  const c = Number(execFileSync(process.env.MSLITE_PREDICTION_TIME, [file, String(turns), String(cCount)], { encoding: 'utf8' }));
  const model = await mindSporeLite.loadModelFromFile(file, oneThread);
  const inputs = model.getInputs();
  inputs.forEach((input) => input.setData(new ArrayBuffer(input.dataSize)));
  let best = Infinity;
  for (let turn = 0; turn < turns; turn++) {
    const start = process.hrtime.bigint();
    for (let k = 0; k < count; k++) await model.predict(inputs);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / 1000 / count);
  }
  console.log(`${path.basename(file)}: C ${c.toFixed(1)} us, Node ${best.toFixed(1)} us, overhead ${(best - c).toFixed(1)} us`);
  return best - c;
}

test('a small model', async () => assert.ok((await measure(relu, 50, 200, 1000)) < 50));
// The model's own time varies by more than the overhead: told, not judged.
test('a large model', () => measure(inModels('efficientnet_lite0_fp16.ms'), 80, 1, 1));
