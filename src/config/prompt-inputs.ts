/**
 * The inputs of a network that prompts fill, by the number of text encoders in its folder: one as in Stable Diffusion 1
 * and 2, two as in SDXL (hidden states side by side, the pooled embedding of the second, and the sizes of the image).
 */
export function promptInputs(textEncoders: number): readonly string[] {
  if (textEncoders === 0) return [];
  return textEncoders === 1 ? ['encoder_hidden_states'] : ['encoder_hidden_states', 'text_embeds', 'time_ids'];
}
