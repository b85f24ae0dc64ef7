"""Writes files as C++ constants: embed.py --name N --root DIR --out PATH-WITHOUT-SUFFIX FILE..."""
import argparse
import pathlib


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--root", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()

    header = [
        "#pragma once",
        "#include <span>",
        "#include <string_view>",
        "namespace embedded {",
        "#ifndef XINYIN_EMBEDDED_FILE",
        "#define XINYIN_EMBEDDED_FILE",
        "struct File { std::string_view path; std::string_view bytes; };",
        "#endif",
        f"std::span<const File> {args.name}();",
        "}  // namespace embedded",
    ]
    body = [f'#include "{pathlib.Path(args.out).name}.h"', "namespace embedded {", "namespace {"]
    rows = []
    for index, name in enumerate(args.files):
        data = pathlib.Path(name).read_bytes()
        values = ",".join(str(b) for b in data) or "0"
        body.append(f"constexpr unsigned char k{index}[] = {{{values}}};")
        relative = pathlib.Path(name).resolve().relative_to(pathlib.Path(args.root).resolve())
        rows.append(
            f'    File{{"{relative.as_posix()}", '
            f"std::string_view(reinterpret_cast<const char*>(k{index}), {len(data)})}},"
        )
    body += ["const File kFiles[] = {", *rows, "};", "}  // namespace"]
    body += [f"std::span<const File> {args.name}() {{ return kFiles; }}", "}  // namespace embedded", ""]
    pathlib.Path(args.out + ".h").write_text("\n".join(header) + "\n")
    pathlib.Path(args.out + ".cpp").write_text("\n".join(body))


if __name__ == "__main__":
    main()
