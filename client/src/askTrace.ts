/** Asks which packet to trace: from where, to where, of what protocol and length, and whether its answer as well. */
import * as vscode from 'vscode';
import type { Endpoint, EndpointsResult, TraceParams } from '../../server/src/protocol';
import { ask, type Choice, type Question } from './pickers';

type Protocol = NonNullable<TraceParams['proto']>;
interface Kind {
  readonly proto?: Protocol;
  readonly dport?: number;
}
type Size = Pick<TraceParams, 'length' | 'dontFragment'>;
interface Draft {
  readonly from?: string;
  readonly to?: string;
  readonly kind?: Kind;
  readonly size?: Size;
  readonly reply?: boolean;
}

/** One question; `isIdle` where the answers before leave nothing to ask. */
interface Step {
  readonly ask: (step: number) => Promise<Draft | 'back' | undefined>;
  readonly isIdle?: () => boolean;
}

const groups = (): Readonly<Record<Endpoint['group'], string>> => ({
  instance: vscode.l10n.t('Instances'),
  gateway: vscode.l10n.t('Gateways'),
  dhcp: vscode.l10n.t('DHCP servers'),
  port: vscode.l10n.t('Ports'),
  host: vscode.l10n.t('Hosts'),
  address: vscode.l10n.t('Addresses'),
});

/** The packet that someone chose, or undefined where they changed their mind. `given` is not asked again. */
export async function askTrace(endpoints: EndpointsResult, given: Partial<TraceParams>): Promise<TraceParams | undefined> {
  let draft: Draft = {};
  const isArp = (): boolean => (given.proto ?? draft.kind?.proto) === 'arp';
  const steps: readonly Step[] = [
    ...(given.from === undefined ? [{ ask: (step: number) => askFrom(step, draft) }] : []),
    ...(given.to === undefined ? [{ ask: (step: number) => askTo(step, draft) }] : []),
    ...(given.proto === undefined ? [{ ask: (step: number) => askKind(step, draft) }] : []),
    // A question of ARP has a length of its own.
    ...(given.length === undefined ? [{ ask: (step: number) => askSize(step, draft), isIdle: isArp }] : []),
    ...(given.reply === undefined ? [{ ask: (step: number) => askReply(step, draft) }] : []),
  ];
  const total = steps.length;

  async function put<T>(
    step: number,
    question: Omit<Question<T>, 'title' | 'step' | 'steps'>,
    take: (value: T) => Draft,
  ): Promise<Draft | 'back' | undefined> {
    const answer = await ask<T>({ ...question, title: vscode.l10n.t('Trace Packet'), step, steps: total });
    if (answer.kind === 'answer') return take(answer.value);
    return answer.kind === 'back' ? 'back' : undefined;
  }
  function askFrom(step: number, so: Draft): Promise<Draft | 'back' | undefined> {
    const choices = endpointChoices(endpoints.starts);
    const wanted = so.from ?? endpoints.preselected;
    return put(
      step,
      {
        placeholder: vscode.l10n.t('Where does the packet start?'),
        choices,
        active: choices.find((choice) => choice.value === wanted),
        typed: otherPlace,
      },
      (from) => ({ ...so, from }),
    );
  }
  function askTo(step: number, so: Draft): Promise<Draft | 'back' | undefined> {
    const from = given.from ?? so.from;
    const choices = endpointChoices(endpoints.destinations.filter((endpoint) => endpoint.where !== from));
    return put(
      step,
      {
        placeholder: vscode.l10n.t('Where to? Choose, or type any address, such as 8.8.8.8'),
        choices,
        active: choices.find((choice) => choice.value === so.to),
        typed: otherPlace,
      },
      (to) => ({ ...so, to }),
    );
  }
  function askKind(step: number, so: Draft): Promise<Draft | 'back' | undefined> {
    return put<Kind>(
      step,
      {
        placeholder: vscode.l10n.t('What kind of packet? Choose, or type tcp 443, udp 53 …'),
        choices: kindChoices(),
        typed: typedKind,
      },
      (kind) => ({ ...so, kind }),
    );
  }
  function askSize(step: number, so: Draft): Promise<Draft | 'back' | undefined> {
    const choices = sizeChoices();
    return put<Size>(
      step,
      {
        placeholder: vscode.l10n.t('How long is the packet? Choose, or type 1450, 1450 df …'),
        choices,
        active: choices.find(({ value }) => value?.length === so.size?.length && value?.dontFragment === so.size?.dontFragment),
        typed: typedSize,
      },
      (size) => ({ ...so, size }),
    );
  }
  function askReply(step: number, so: Draft): Promise<Draft | 'back' | undefined> {
    const choices: readonly Choice<boolean>[] = [
      { label: vscode.l10n.t('Only the request'), value: false },
      { label: vscode.l10n.t('The request and its reply'), value: true },
    ];
    return put(step, { placeholder: vscode.l10n.t('Trace the reply as well?'), choices }, (reply) => ({ ...so, reply }));
  }

  for (let at = 0; at < total;) {
    const next = await steps[at]?.ask(at + 1);
    if (next === undefined) return undefined;
    if (next === 'back') {
      do at--;
      while (at > 0 && steps[at]?.isIdle?.() === true);
      at = Math.max(0, at);
    } else {
      draft = next;
      do at++;
      while (steps[at]?.isIdle?.() === true);
    }
  }
  const from = given.from ?? draft.from;
  const to = given.to ?? draft.to;
  if (from === undefined || to === undefined) return undefined;
  const size = isArp() ? undefined : draft.size;
  return { ...given, from, to, ...draft.kind, ...size, ...(draft.reply === undefined ? {} : { reply: draft.reply }) };
}

function endpointChoices(endpoints: readonly Endpoint[]): readonly Choice<string>[] {
  const names = groups();
  const choices: Choice<string>[] = [];
  let group: Endpoint['group'] | undefined;
  for (const endpoint of endpoints) {
    if (endpoint.group !== group) choices.push({ label: names[endpoint.group], kind: vscode.QuickPickItemKind.Separator });
    group = endpoint.group;
    choices.push({
      label: endpoint.label,
      description: endpoint.description,
      detail: endpoint.detail || undefined,
      value: endpoint.where,
    });
  }
  return choices;
}

/** Anything that looks like an address, a name or a port id can be asked for; the server says whether it knows it. */
function otherPlace(text: string): Choice<string> | undefined {
  if (!/^[\w.:@-]{2,}$/.test(text)) return undefined;
  const address = /^\d{1,3}(?:\.\d{1,3}){3}$/.test(text) || text.includes('::');
  return {
    label: text,
    description: address ? vscode.l10n.t('this address, inside or outside') : vscode.l10n.t('as typed'),
    value: text,
  };
}

function kindChoices(): readonly Choice<Kind>[] {
  return [
    { label: 'ICMP', description: vscode.l10n.t('an echo request, as ping sends'), value: { proto: 'icmp' } },
    { label: 'TCP 80', description: 'HTTP', value: { proto: 'tcp', dport: 80 } },
    { label: 'TCP 443', description: 'HTTPS', value: { proto: 'tcp', dport: 443 } },
    { label: 'TCP 22', description: 'SSH', value: { proto: 'tcp', dport: 22 } },
    { label: 'UDP 53', description: 'DNS', value: { proto: 'udp', dport: 53 } },
    { label: 'ARP', description: vscode.l10n.t('who has the next hop’s address'), value: { proto: 'arp' } },
  ];
}

function sizeChoices(): readonly Choice<Size>[] {
  return [
    { label: vscode.l10n.t('Any length'), description: vscode.l10n.t('the walk tells the path MTU'), value: {} },
    {
      label: vscode.l10n.t('{0} bytes, not to be cut', 1500),
      description: vscode.l10n.t('a full packet of TCP: IP header included, DF set'),
      value: { length: 1500, dontFragment: true },
    },
    {
      label: vscode.l10n.t('{0} bytes', 1500),
      description: vscode.l10n.t('that may be cut into fragments'),
      value: { length: 1500 },
    },
    {
      label: vscode.l10n.t('{0} bytes, not to be cut', 9000),
      description: vscode.l10n.t('a jumbo frame'),
      value: { length: 9000, dontFragment: true },
    },
  ];
}

function typedSize(text: string): Choice<Size> | undefined {
  const [, digits, df] = /^(\d{2,5})(?:\s*bytes)?[\s,]*(df)?$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const length = Number(digits);
  return df === undefined
    ? { label: vscode.l10n.t('{0} bytes', length), value: { length } }
    : { label: vscode.l10n.t('{0} bytes, not to be cut', length), value: { length, dontFragment: true } };
}

function typedKind(text: string): Choice<Kind> | undefined {
  const found = /^(tcp|udp)\W*(\d{1,5})?$/i.exec(text);
  const proto = found?.[1]?.toLowerCase();
  const dport = found?.[2] === undefined ? undefined : Number(found[2]);
  if ((proto !== 'tcp' && proto !== 'udp') || (dport ?? 0) > 65535) return undefined;
  return {
    label: dport === undefined ? proto.toUpperCase() : `${proto.toUpperCase()} ${dport}`,
    value: dport === undefined ? { proto } : { proto, dport },
  };
}
