import { dpmSolverV3Peers } from './dpm-solver-v3';
import { diffusersDpmMultistepPeers } from './diffusers-dpm-multistep';
import { kDiffusionDpmppPeers } from './k-diffusion-dpmpp';
import { diffSamplerDpmppPeers } from './diff-sampler-dpmpp';
import { diffusersDpmSinglestepPeers } from './diffusers-dpm-singlestep';
import { dpmSolverPeers } from './dpm-solver';
import { diffSamplerUnipcPeers } from './diff-sampler-unipc';
import { diffusersUnipcPeers } from './diffusers-unipc';
import { unipcPeers } from './unipc';
import { diffSamplerEulerPeers } from './diff-sampler-euler';
import { diffusersEulerPeers } from './diffusers-euler';
import { diffusersFlowMatchPeers } from './diffusers-flow-match';
import { edmPeers } from './edm';
import { kDiffusionEulerPeers } from './k-diffusion-euler';
import { diffSamplerMultistepPeers } from './diff-sampler-multistep';
import { diffusersDdimPeers } from './diffusers-ddim';
import { diffusersDeisPeers } from './diffusers-deis';
import { diffusersDpm2Peers } from './diffusers-dpm2';
import { diffusersIpndmPeers } from './diffusers-ipndm';
import { diffusersLmsPeers } from './diffusers-lms';
import { diffusersPndmPeers } from './diffusers-pndm';
import { kDiffusionLmsPeers } from './k-diffusion-lms';
import { bnsPeers } from './bns';
import { s4sPeers } from './s4s';
import { amedPeers } from './amed';
import { dodePeers } from './dode';
import { dyweightPeers } from './dyweight';
import { gsPeers } from './gs';
import { ld3Peers } from './ld3';
import { neuralSolverPeers } from './neural-solver';
import type { Peers } from './peer';

/** Every published program whose settings are understood. */
export const peers: Peers = {
  ...dpmSolverV3Peers,
  ...dpmSolverPeers,
  ...diffusersDpmSinglestepPeers,
  ...diffusersDpmMultistepPeers,
  ...kDiffusionDpmppPeers,
  ...diffSamplerDpmppPeers,
  ...unipcPeers,
  ...diffusersUnipcPeers,
  ...diffSamplerUnipcPeers,
  ...diffSamplerEulerPeers,
  ...diffusersEulerPeers,
  ...diffusersFlowMatchPeers,
  ...edmPeers,
  ...kDiffusionEulerPeers,
  ...diffSamplerMultistepPeers,
  ...diffusersDdimPeers,
  ...diffusersDeisPeers,
  ...diffusersDpm2Peers,
  ...diffusersIpndmPeers,
  ...diffusersLmsPeers,
  ...diffusersPndmPeers,
  ...kDiffusionLmsPeers,
  ...s4sPeers,
  ...bnsPeers,
  ...ld3Peers,
  ...gsPeers,
  ...dyweightPeers,
  ...dodePeers,
  ...neuralSolverPeers,
  ...amedPeers,
};
