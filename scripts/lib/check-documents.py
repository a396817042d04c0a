"""Parses every YAML and JSON document below the given paths; prints those that do not parse. Needs PyYAML.

A Helm template is not YAML before it is rendered; everything under a folder `templates` is left to the chart's tests.
"""

import json
import sys
from pathlib import Path

import yaml


class StrictLoader(yaml.SafeLoader):
    """YAML 1.1 keeps the last of two equal keys in silence; here they are an error."""


def mapping_without_duplicates(loader, node):
    seen = set()
    for key_node, _ in node.value:
        # `<<` merges another mapping, whose fields these win over: SafeLoader does it.
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key!r}", key_node.start_mark)
        seen.add(key)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping_without_duplicates)


def refuse_duplicates(pairs):
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"duplicate key {key!r}")
    return dict(pairs)


def documents(paths):
    for path in map(Path, paths):
        if path.is_file():
            yield path
        elif path.is_dir():
            yield from (
                file
                for file in sorted(path.rglob("*"))
                if file.suffix in {".yaml", ".yml", ".json"} and "templates" not in file.parts
            )


def main():
    failures = 0
    for file in documents(sys.argv[1:]):
        try:
            text = file.read_text(encoding="utf-8")
            if file.suffix in {".yaml", ".yml"}:
                for _ in yaml.load_all(text, Loader=StrictLoader):
                    pass
            else:
                json.loads(text, object_pairs_hook=refuse_duplicates)
        except (ValueError, yaml.YAMLError) as error:
            failures += 1
            print(f"{file}: {error}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
