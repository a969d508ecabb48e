// What a program writes, for the TypeScript compiler: checked, not run.
import { image, mindSporeLite } from 'mslite';

export async function use(): Promise<number> {
  const context: mindSporeLite.Context = {};
  context.target = ['cpu'];
  context.cpu = { threadNum: 2, threadAffinityMode: mindSporeLite.ThreadAffinityMode.NO_AFFINITIES, precisionMode: 'preferred_fp16' };
  mindSporeLite.loadModelFromFile('a.ms', (model: mindSporeLite.Model) => model.getInputs());
  mindSporeLite.loadModelFromFd(3, context, (model, error) => error?.code ?? model.getInputs().length);
  const model: mindSporeLite.Model = await mindSporeLite.loadModelFromBuffer(new Uint8Array(4), context);
  const inputs: mindSporeLite.MSTensor[] = model.getInputs();
  inputs[0].setData(new Float32Array(4).buffer);
  // @ts-expect-error: read only
  inputs[0].name = 'x';
  // @ts-expect-error: no such context
  await mindSporeLite.loadModelFromFile('a.ms', { cpus: {} });
  const outputs = await model.predict(inputs);
  outputs.push(...model.predictSync(inputs));
  model.predict(inputs, (results) => results[0].getData());
  const training = await mindSporeLite.loadTrainModelFromFile('t.ms', { lossName: ['loss'], optimizationLevel: mindSporeLite.OptimizationLevel.O2 });
  training.learningRate = 0.1;
  const ok: boolean = training.runStep(inputs) && training.exportModel('x.ms', mindSporeLite.QuantizationType.NO_QUANT, true, ['y']);
  const ids: bigint[] = mindSporeLite.getAllNNRTDeviceDescriptions().map((device) => device.deviceID());
  const photo: image.Picture<Uint8Array> = image.read('a.jpg', 'bgr');
  const boxed = image.letterbox(photo, 48, 48, { value: [1, 2, 3] });
  inputs[0].setData(image.normalize(image.convert(boxed.picture, 'rgb'), { scale: 1 / 255, layout: 'chw' }));
  image.drawBox({ data: new Uint8Array(12), width: 2, height: 2, format: 'rgb' }, boxed.left, 0, 1, 1, 255, 0);
  const filled: mindSporeLite.MSTensor = image.normalize(photo, { out: inputs[0] });
  filled.getData();
  image.drawLabel(photo, image.toSource(boxed, [1, 2, 3, 4]), 'a', 255);
  image.cut(photo, { x: 1, y: 1, width: 2, height: 2, angle: 0 }, 3, 3, { border: 'reflect' });
  // @ts-expect-error: no such interpolation
  image.resize(photo, 1, 1, { interpolation: 'cubic' });
  ids.push(...Array.from(image.suppressBoxes(new Float32Array(4), new Float32Array(1), { capacity: 3 }), BigInt));
  return new Float32Array(outputs[0].getData())[0] + ids.length + Number(ok);
}
