"""A second reader of bundles, written from docs/bundle.md alone. It is here to check the specification, not to be used.

Each line of its input is {"path", "keys", "roots"}, {"assertions", "time", "roots"} for a stream, or {"key"} for a trusted key. Each line of its output is
{"refused": null}, or the reason. It needs python3-cryptography, and the program zstd for .tar.zst. It keeps bundles in memory. Of YAML it reads
only the part that the archives of the vectors use.
"""

import json
import sys
import traceback

import bundle
import trust
from strict import Refused


def answer(job):
    try:
        if "assertions" in job:
            trust.verify_stream(job["assertions"], job["roots"], job["time"])
        elif "key" in job:
            bundle.trusted_key(job["key"])
        else:
            bundle.read(job["path"], job["keys"], job["roots"])
        return None
    except Refused as refused:
        return str(refused)
    except Exception:  # a bug of this reader
        return "BUG: " + traceback.format_exc()


for line in sys.stdin:
    print(json.dumps({"refused": answer(json.loads(line))}), flush=True)
