import { declaredFacts, makePort } from '../value-facts';
import { GraphProtoSchema, ModelProtoSchema, type ValueInfoProto } from '../generated/onnx_pb';
import { wrapModel, type OnnxModel } from '../model';
import { revise } from '../revise';
import { evaluate, type Sizes } from './sizes';

/** The same model with its dynamic dimensions set, so that the shape of (nearly) every value follows. */
export function fixSizes(model: OnnxModel, { inputs, symbols }: Sizes): OnnxModel {
  const known = (value: ValueInfoProto): ValueInfoProto => {
    const { type, shape } = declaredFacts(value);
    if (shape === null || !shape.some((dim) => typeof dim !== 'number')) return value;
    return makePort(
      value.name,
      type,
      shape.map((dim) => (typeof dim === 'string' ? (evaluate(dim, symbols) ?? null) : dim)),
    );
  };
  const graph = revise(GraphProtoSchema, model.graph, {
    input: model.graph.input.map((input) => {
      const sizes = inputs.get(input.name);
      return sizes ? makePort(input.name, declaredFacts(input).type, sizes) : input;
    }),
    output: model.graph.output.map(known),
    valueInfo: model.graph.valueInfo.map(known),
  });
  return wrapModel(revise(ModelProtoSchema, model.proto, { graph }), model.label, model.weights);
}
