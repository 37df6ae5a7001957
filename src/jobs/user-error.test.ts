import { expect, it } from 'vitest';
import { OnnxError } from '../onnx/errors';
import { SessionError } from '../runtime/session';
import { describeError, isAbort, isInputError, UserError } from './user-error';

const system = (code: string, path?: string): Error =>
  Object.assign(new Error(`${code}: something, write`), { code, ...(path === undefined ? {} : { path }) });

it.each([
  ['ENOSPC', /^The disk is full: \/runs\/a could not be written\. Free some space, then resume/],
  ['EDQUOT', /^The disk is full/],
  ['EACCES', /^There is no permission to write \/runs\/a\. Allow writing there, or set another "output" folder/],
  ['EROFS', /^There is no permission/],
  ['ENOTDIR', /^\/runs\/a cannot be made because a file is in the way\. Move that file/],
  ['ENOENT', /^\/runs\/a is not there \(any more\)\./],
])('%s says what to do', (code, expected) => {
  expect(describeError(system(code, '/runs/a'))).toMatch(expected);
  expect(describeError(system(code))).not.toContain('undefined');
});

it('passes on what was written for a person', () => {
  expect(describeError(new UserError('config', 'Do this.'))).toBe('Do this.');
  expect(describeError(new OnnxError('not-onnx', 'Export again.'))).toBe('Export again.');
  expect(describeError('a string')).toBe('a string');
});

it('calls its own mistakes by their name', () => {
  const error = new TypeError("Cannot read properties of undefined (reading 'nfe')");
  expect(describeError(error)).toMatch(/^This is a mistake in S4S Studio, please report it: Cannot read/);
});

it('says how to go on after the device failed, and only then', () => {
  const lost = new SessionError('run', 'webgpu', 'ONNX Runtime failed while running x on webgpu: lost.', null);
  expect(describeError(lost)).toMatch(/on webgpu: lost\. Resume the run .* \(on the CPU when webgpu has gone\)/);
  const refused = new SessionError('load', 'cpu', 'ONNX Runtime cannot load x on cpu: no.', null);
  expect(describeError(refused)).toBe('ONNX Runtime cannot load x on cpu: no.');
});

it('tells wrong input from failures, and both from a stop', () => {
  expect(isInputError(new UserError('config-missing', ''))).toBe(true);
  expect(isInputError(new OnnxError('ports', ''))).toBe(true);
  expect(isInputError(new UserError('teacher-not-finite', ''))).toBe(false);
  expect(isInputError(system('ENOSPC'))).toBe(false);
  const controller = new AbortController();
  controller.abort();
  expect(isAbort(controller.signal.reason)).toBe(true);
  expect(isAbort(system('ABORT_ERR'))).toBe(false);
});
