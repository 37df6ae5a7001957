import { create, type DescMessage, type MessageShape } from '@bufbuild/protobuf';

/**
 * A shallow copy of a message with some fields changed. (Spreading a message would lose the defaults of unset fields,
 * which proto2 messages have on their prototype.)
 */
export function revise<S extends DescMessage>(
  schema: S,
  message: MessageShape<S>,
  changes: Partial<MessageShape<S>>,
): MessageShape<S> {
  return Object.assign(create(schema), message, changes);
}
