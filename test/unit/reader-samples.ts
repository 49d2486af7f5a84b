import { CLOUD_SAMPLES } from './reader-samples/clouds';
import { LINUX_SAMPLES } from './reader-samples/linux';
import { NETFILTER_SAMPLES } from './reader-samples/netfilter';
import { SWITCH_SAMPLES } from './reader-samples/open-vswitch';
import type { Sample } from './reader-samples/sample';

/** At least one for every reader of `captureKinds`. */
export const SAMPLES: readonly Sample[] = [...LINUX_SAMPLES, ...NETFILTER_SAMPLES, ...SWITCH_SAMPLES, ...CLOUD_SAMPLES];
