import { readQuestion } from '../../server/src/features/netfilter-question';
import { netfilterTrace, type PacketTrace } from '../../server/src/features/netfilter-trace';
import { networkOf } from './walk-fixture';

/** Traces packets on the only host of a text. */
export function traced(text: string, ...packets: string[]): PacketTrace[] {
  const [host] = networkOf(text).hosts.values();
  const namespace = host?.namespaces.get('');
  if (!host || !namespace) throw new Error('no host');
  const questions = packets.map((words) => {
    const question = readQuestion(words.split(' '), namespace);
    if (typeof question === 'string') throw new Error(question);
    return question;
  });
  return netfilterTrace(namespace, questions, host.linuxBridges);
}
