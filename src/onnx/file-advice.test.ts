import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { fileAdvice } from './file-advice';
import { NodeProtoSchema } from './generated/onnx_pb';

const adviceFor = (opType: string, domain = '') => fileAdvice(create(NodeProtoSchema, { opType, domain }));

test('a file of integer operators is one that was quantised', () => {
  for (const operator of ['QLinearConv', 'MatMulInteger', 'ConvInteger', 'DynamicQuantizeLinear']) {
    expect(adviceFor(operator)).toContain('the model it was quantised from');
  }
  for (const operator of ['QLinearAdd', 'QGemm', 'MatMulIntegerToFloat', 'DynamicQuantizeMatMul']) {
    expect(adviceFor(operator, 'com.microsoft')).toContain('the QDQ format');
  }
});

test('blocked convolutions are ONNX Runtime’s', () => {
  expect(adviceFor('Conv', 'com.microsoft.nchwc')).toContain('use the model it was made from');
});

test('other operators say nothing about their file', () => {
  expect([adviceFor('Conv'), adviceFor('Det'), adviceFor('QLinearConv', 'com.acme')]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
