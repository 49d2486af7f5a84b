/** What marks an entry of a list that people write. */
export const BULLET = /^\s*(?:[•●▪◦–]|[*-](?=\s+[A-Za-z*`"]))/;

/** Prose that could not be words of a program's: it ends or begins as a sentence does, or says more than a few words. */
export function isSentence(text: string): boolean {
  if (!looksLikeProse(text)) return false;
  const plain = text.trim();
  return /[.:;!?。]$/.test(plain) || /^[A-Z][a-z]+ [a-z]/.test(plain) || plain.split(/\s+/).length > 8 || BULLET.test(text);
}

/** Scripts that put no blanks between words; no command prints whole lines of them. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\u3000-\u303f\uff00-\uffef]/gu;

/** Sentences and bullets that people write between captures. */
export function looksLikeProse(text: string): boolean {
  if (BULLET.test(text)) return true;
  const plain = text.trim();
  const unspaced = plain.length > 2000 || !/[\u0080-\uffff]/.test(plain) ? 0 : (plain.match(UNSPACED)?.length ?? 0);
  if (unspaced >= 4 && unspaced > plain.length / 5) return true;
  const words = plain.split(/\s+/);
  const letters = words.filter((word) => /^[\p{L}’']+[,.;:!?)]?$/u.test(word)).length;
  if (letters >= 4 && letters / words.length > 0.6) return true;
  return letters >= 3 && letters / words.length > 0.7 && /[.:!?]$/.test(plain);
}

const ORDER =
  /^\s{0,4}(?:sudo )?(?:exit$|logout$|ssh \S+@\S+$|ping6? (?:-\S+ )*[\w.:%-]+$|ip6?tables (?:-t \w+ )?-[ADIFXNPZ] ?\S|ip (?:netns|link|addr|address|a|route|r|rule|neigh) (?:add|del|delete|set|change|replace|flush)\b|brctl (?:add|del|set)\w+ |nft (?:add|delete|flush|insert) |sysctl -w |ovs-vsctl (?:--\S+ )*(?:add|del|set)\S* |systemctl (?:re)?start |modprobe \w|echo .+ > ?\/|netplan \w+|virsh (?:edit|start|shutdown|reboot|destroy|define|undefine|console|autostart|suspend|resume|(?:at|de)tach-\w+) |cat (?:<<|>))/;

/** A command without a prompt that prints nothing of interest: what somebody did next. */
export function isOrder(text: string): boolean {
  return ORDER.test(text) && !looksLikeProse(text);
}

/** What a script says it does next, between the outputs of its commands: `--- adding the routes`, `=== h1 ===`. */
export function isStepOfScript(text: string): boolean {
  return /^(?:-{2,3}|={2,}|\*{3,}|>{3,}) [A-Za-z][\w' .:/-]*(?: [-=*]+)?$/.test(text);
}

/** A remark that begins with a program's name: "# docker inspect to find out the address of a container". */
export function isHeading(text: string): boolean {
  return (
    /^\s*#+ [\w\s,.'/]+$/.test(text) &&
    (text.match(/ (?:the|of|to|for|and|how|which|what|all|other|into|with) /g)?.length ?? 0) > 1
  );
}
