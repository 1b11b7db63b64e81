#!/usr/bin/python3
"""Turns common/api/openapi.yaml into a C++ file that holds the same as JSON. Usage: embed_openapi.py IN.yaml OUT.cpp"""
import json
import sys

import yaml

source, target = sys.argv[1:]
with open(source, encoding="utf-8") as file:
    text = json.dumps(yaml.safe_load(file), ensure_ascii=True, separators=(",", ":"))
assert ')openapi"' not in text
with open(target, "w", encoding="utf-8") as file:
    file.write('#include "daemon/api/routes.hpp"\n\nnamespace decom {\n\n')
    file.write(f'std::string_view openapi_json() {{ return R"openapi({text})openapi"; }}\n\n}}  // namespace decom\n')
