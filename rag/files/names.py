"""What a path alone says about whether a file is worth reading, and why not."""

import re
from collections.abc import Callable, Collection

from rag.files import credentials, languages


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_READMES = re.compile(r"readme(\.(md|markdown|mdx|rst|txt|adoc|asciidoc|org|textile))?", re.IGNORECASE)
_MARKUP = {"md": "markdown", "markdown": "markdown", "mdx": "markdown", "rst": "rst", "adoc": "asciidoc"}
_MARKUP |= {"asciidoc": "asciidoc", "org": "org", "tex": "latex", "typ": "typst"}

_LOCK_NAMES = _words(
    "package-lock.json npm-shrinkwrap.json pnpm-lock.yaml pnpm-lock.yml bun.lockb go.sum go.work.sum "
    "cartfile.resolved package.resolved gradle.lockfile packages.lock.json .terraform.lock.hcl lockfile.json "
    "pixi.lock conda-lock.yml project.assets.json cabal.project.freeze stack.yaml.lock .pnp.cjs .pnp.loader.mjs"
)
_VENDORED_FOLDERS = _words(
    "node_modules bower_components jspm_packages vendor vendors _vendor vendored third_party third-party "
    "thirdparty 3rdparty extern externals external godeps pods carthage site-packages .venv venv virtualenv .yarn "
    ".bundle deps.vendor jquery-ui ckeditor tinymce"
)
_VENDORED_NAMES = re.compile(
    # A library's file says its version; a project's own vue.js does not.
    r"[a-z][a-z-]+[-.]v?\d+\.\d+(\.\d+)?([-.][a-z]+)*\.(js|css)|(jquery|modernizr)([-.][a-z]+)*\.js|"
    r"gradlew(\.bat)?|mvnw(\.cmd)?|install-sh|config\.(guess|sub)|ltmain\.sh|libtool|aclocal\.m4",
)
_GENERATED_FOLDERS = _words(
    "__pycache__ dist .next .nuxt .svelte-kit .output .eggs htmlcov __snapshots__ .gradle .dart_tool .idea .vs "
    "__generated__ generated-sources .turbo .parcel-cache"
)
_GENERATED_NAMES = re.compile(
    r".*(_pb2(_grpc)?\.pyi?|\.pb\.(go|cc|h|c|swift|gw\.go)|_pb\.(js|ts|d\.ts|rb)|\.pb\.dart|\.(g|freezed|gr|mocks)\.dart|"
    r"\.(designer|g|g\.i)\.cs|\.generated\.\w+|[._]gen\.(go|ts|rs)|_generated\.\w+|\.snap|\.map|\.egg-info|"
    r"zz_generated\..*|-lock\.(js|ts))|configure|parser\.out|parsetab\.py",
)
_MINIFIED = re.compile(r".*[.-]min\.(js|mjs|cjs|css|html)|.*\.(bundle|chunk|packed)\.(js|mjs|css)")

_DOCS_FOLDERS = _words("docs doc documentation javadoc apidocs man site-docs docs_src doc_src docsrc")
_DOCS_FOLDERS_ANYWHERE = _words("documentation javadoc apidocs")
_DOCS_EXTENSIONS = _words(
    "md markdown mdx rst txt adoc asciidoc org textile rdoc pod rmd qmd wiki tex bib sty cls typ man"
)
_DOCS_NAMES = _words(
    "license licence copying copyright notice authors contributors maintainers changelog changes history news "
    "contributing code_of_conduct security todo readme install credits thanks codeowners patents unlicense "
    "version"
)
# Text files that programs read.
_NOT_DOCS = re.compile(r"(requirements|constraints)[\w.-]*\.txt|cmakelists\.txt|meson_options\.txt|runtime\.txt")

_BINARY_EXTENSIONS = _words(
    "png jpg jpeg gif bmp ico icns webp avif tif tiff heic psd ai eps svg svgz xcf sketch fig drawio excalidraw "
    "mp3 mp4 m4a m4v mov avi mkv webm wav ogg oga ogv flac aac mid midi woff woff2 ttf otf eot pdf doc docx xls "
    "xlsx ppt pptx odt ods odp epub zip gz tgz bz2 xz 7z rar tar zst lz4 jar war ear whl egg apk ipa dmg iso deb "
    "rpm nupkg gem crate exe dll so dylib a o obj lib pdb class pyc pyo pyd wasm bin dat elf img rom nib pkl "
    "pickle joblib npy npz h5 hdf5 pt pth onnx safetensors tflite pb ckpt gguf model mat rds rdata parquet "
    "feather arrow avro orc sqlite sqlite3 db mdb mo gmo blend fbx glb gltf stl obj3d unitypackage swf fla uasset"
)
_DATA_EXTENSIONS = _words(
    "csv tsv jsonl ndjson geojson topojson ipynb po pot xlf xliff resx arb strings stringsdict lproj log out dump "
    "sav srt vtt ics vcf patch diff rej orig bak tmp swp ldif har cast pub lst fasta fastq gpx kml eml mbox rtf "
    "tps"
)
_DATA_NAMES = _words(
    ".gitignore .gitattributes .gitmodules .gitkeep .keep .mailmap .docentignore .dockerignore .npmignore "
    ".prettierignore .eslintignore .hgignore .hgtags .git-blame-ignore-revs .ds_store thumbs.db .nojekyll "
    "py.typed cname .tool-versions .nvmrc .node-version .python-version .ruby-version .helmignore .slugignore "
    ".vscodeignore .stylelintignore"
)


def reason(path: str, attributes: Collection[str] = ()) -> str:
    """Why the file at `path` is left out, a value of Reason; "" when it is to be read.

    `attributes` are linguist's: "linguist-vendored" set, "-linguist-vendored" explicitly unset, which wins over the
    rules here.
    """
    lower = path.lower()
    *folders, name = lower.split("/")
    if credentials.are_in(lower):  # first of all: no attribute brings one back
        return "credentials"
    if name in _LOCK_NAMES or name.endswith(".lock"):
        return "lock_file"
    if is_readme(path) and not folders:
        return ""
    for found, attribute, applies in _OVERRULED:
        if attribute in attributes or (f"-{attribute}" not in attributes and applies(folders, name)):
            return found
    return _by_kind(folders, name, attributes)


def is_readme(path: str) -> bool:
    return bool(_READMES.fullmatch(path.rpartition("/")[2]))


def is_prose(path: str) -> bool:
    """Whether the file is written for people rather than programs."""
    name = path.lower().rpartition("/")[2]
    return is_readme(name) or (_extension(name) in _DOCS_EXTENSIONS and not _NOT_DOCS.fullmatch(name))


def markup(path: str) -> str:
    """The grammar of a prose file; "" for plain text."""
    return _MARKUP.get(_extension(path.lower()), "")


def _is_vendored(folders: list[str], name: str) -> bool:
    return not _VENDORED_FOLDERS.isdisjoint(folders) or bool(_VENDORED_NAMES.fullmatch(name))


def _is_generated(folders: list[str], name: str) -> bool:
    in_folder = any(folder in _GENERATED_FOLDERS or folder.endswith(".egg-info") for folder in folders)
    return in_folder or bool(_GENERATED_NAMES.fullmatch(name))


def _is_documentation(folders: list[str], name: str) -> bool:
    """Folders of documentation at the root; deeper ones often are packages that happen to be called docs."""
    if not (_DOCS_FOLDERS.isdisjoint(folders[:1]) and _DOCS_FOLDERS_ANYWHERE.isdisjoint(folders)):
        return True
    if is_readme(name):
        return "docs" in folders or "doc" in folders
    if _NOT_DOCS.fullmatch(name):
        return False
    stem = name.partition(".")[0]
    return _extension(name) in _DOCS_EXTENSIONS or (stem in _DOCS_NAMES and not languages.of_name(name))


_OVERRULED: tuple[tuple[str, str, Callable[[list[str], str], bool]], ...] = (
    ("vendored", "linguist-vendored", _is_vendored),
    ("generated", "linguist-generated", _is_generated),
    ("documentation", "linguist-documentation", _is_documentation),
)


def _by_kind(folders: list[str], name: str, attributes: Collection[str]) -> str:
    if _MINIFIED.fullmatch(name) and "-linguist-generated" not in attributes:
        return "minified"
    if _extension(name) in _BINARY_EXTENSIONS:
        return "binary"
    if _extension(name) in _DATA_EXTENSIONS or name in _DATA_NAMES:
        return "data"
    return ""


def _extension(name: str) -> str:
    return name.rpartition(".")[2] if "." in name else ""
