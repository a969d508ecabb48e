'use strict';
// Where the tests' files are: MSLITE_TEST_MODELS names the folder Tests/Models.
const path = require('node:path');
const v8 = require('node:v8');
const vm = require('node:vm');
const { mindSporeLite } = require('mslite');

const models = process.env.MSLITE_TEST_MODELS;
const inModels = (name) => path.join(models, name);

/** Resident KiB. */
const resident = () => process.memoryUsage.rss() / 1024;

v8.setFlagsFromString('--expose-gc');
const gc = vm.runInNewContext('gc');

/** Lets finalizers run. */
async function collect() {
  for (let k = 0; k < 3; k++) {
    gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

module.exports = {
  mindSporeLite, models, inModels, resident, collect, gc,
  relu: inModels('single_op_tflite/relu.ms'), // float32 [5, 4]
  face: inModels('ms_from_repos/ml_face_isface.ms'), // "data" float32 [1, 48, 48, 3] to "prob" [1, 2]
  mlp: inModels('training/mlp_mse_sgd/train.ms'), // "x" [16, 20], "y" [16, 3]
  oneThread: { cpu: { threadNum: 1 } },
};
