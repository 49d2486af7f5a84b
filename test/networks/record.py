#!/usr/bin/env python3
"""record.py FOLDER NETWORK…: builds each network, sends its packets, and writes FOLDER/NETWORK.json.gz. See CONTRIBUTING.md."""
import gzip
import importlib
import json
import os
import sys

from lab import record


def show(experiment):
    for side in ("request", "reply"):
        print("   ", side, *experiment[side], sep="\n        ")


def main():
    folder, *networks = sys.argv[1:]
    for name in networks:
        found = record(importlib.import_module(name.replace("-", "_")).build)
        with gzip.GzipFile(os.path.join(folder, f"{name}.json.gz"), "wb", mtime=0) as out:
            out.write(json.dumps(found, indent=0, ensure_ascii=False).encode())
        for experiment in found["experiments"]:
            print(name, experiment["name"], experiment["from"], ">", experiment["to"], experiment["proto"], "arrives" if experiment["arrives"] else "LOST",
                  "answered" if experiment["answered"] else "no answer", experiment.get("told", ""))
            show(experiment)


if __name__ == "__main__":
    main()
