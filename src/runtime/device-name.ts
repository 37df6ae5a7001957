/** Names of `device:` in solver.yaml; all but auto are execution providers of ONNX Runtime. */
export type Device = 'auto' | 'cpu' | 'webgpu' | 'cuda' | 'dml' | 'coreml';
