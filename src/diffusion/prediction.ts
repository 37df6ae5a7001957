/** Which quantity the normalised denoiser D returns. */
export type Prediction = 'data' | 'noise' | 'velocity';

/** Space of a sampler's state: vp x = αx₀ + σε; ve x/α = x₀ + (σ/α)ε; flow x = (1−t)x₀ + tε. */
export type StateSpace = 'vp' | 've' | 'flow';

/** What the raw network returns, by the names diffusers uses. */
export type PredictionType = 'epsilon' | 'sample' | 'v_prediction' | 'flow_prediction' | 'edm';
