"""What packets the random networks are asked with: drawn from whom and to whom, no question twice."""


def ask(lab, r, sources, targets, kinds, lengths, most, tries, is_idle):
    """
    Sources are names and machines; targets names and addresses, with a protocol and a port where those are not to be drawn from `kinds`. Packets that
    are not TCP's have one of `lengths`. `most` questions are enough, or so many `tries` to find them; `is_idle` says which would show nothing.
    """
    asked = set()
    for _ in range(tries):
        if len(asked) >= most:
            break
        (source, machine), (target, to, proto, port) = r.choice(sources), r.choice(targets)
        if proto is None:
            proto, port = r.choice(kinds)
        if source == target or (source, to, proto, port) in asked or is_idle(source, machine, target, to):
            continue
        asked.add((source, to, proto, port))
        length = r.choice(lengths) if proto != "tcp" else None
        df = None if length is None else r.random() < 0.5
        name = f"{source} to {target} {proto} {port or ''} {length or ''}{'' if df is None else ' df' if df else ' may be cut'}".strip()
        lab.experiment(name, machine, to, proto, port, length=length, df=df, asked=source)
