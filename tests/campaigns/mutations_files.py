"""Data files that nobody should have: valid ones, mutated byte by byte or in what they say."""

import io
import tempfile
import warnings
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import netCDF4
import numpy as np
import zarr
from hypothesis import strategies as st

FORMATS = ("NETCDF4", "NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA")
# Zarr stores of the two versions: folders, which a case holds as a ZIP archive.
STORES = ("ZARR2", "ZARR3")
STORE_NAME = "data.zarr"
N_SAMPLES = 400
ATTRIBUTE_TEXTS = [
    r"$\frac",
    "$",
    "$$",
    "a $ b $ c",
    r"$\mathrm{\undefined}$",
    r"\frac{1}",
    "m^{-3}_{",
    "|",
    "a | b",
    "<script>alert(1)</script>",
    "new\nline",
    "carriage\rreturn",
    "tab\there",
    "\x1b[31mred",
    "\x07",
    "`backtick`",
    "[link](http://example.org)",
    "![x](y)",
    "{fraction}",
    "{}",
    "%s %d",
    "$(touch CANARY)",
    "数据",
    "\u202e",
    "µm³ «quoted»",
    "x" * 10_000,
    "long words " * 1000,
    "",
    " ",
    "1",
    "'",
    '"',
    "a,b;c",
    "=1+1",
    "\\",
    "#",
    "None",
]
ATTRIBUTE_NUMBERS = [0.0, -1.0, 1e300, 1e-300, np.nan, np.inf, -np.inf, np.int8(3), np.uint64(9)]
ATTRIBUTES = [
    *("units", "units", "long_name", "long_name", "scale_factor", "add_offset", "_FillValue"),
    *("missing_value", "valid_range", "valid_min", "valid_max", "_Unsigned", "calendar"),
    *("dtype", "coordinates", "flag_values", "flag_meanings", "standard_name"),
]
FILLS = {
    "nan": np.nan,
    "infinite": np.inf,
    "minus infinite": -np.inf,
    "zero": 0.0,
    "one": 1.0,
    "half": 0.5,
    "negative": -5.0,
    "huge": 1e308,
    "beyond float32": 1e300,
    "fill value": netCDF4.default_fillvals["f8"],
    "denormal": 5e-324,
}
TYPES = ["i1", "i2", "i4", "f4", "f8", "S1", "u1", "u8", "i8", "str"]
VARIABLES = ["tair", "num_aer", "fn"]
LABELS = [
    ["same", "same"],
    ["", ""],
    ["a|b", "<i>"],
    ["new\nline", "tab\t"],
    ["$\\frac", "$"],
    ["{x}", "%s"],
    ["x" * 3000, "y" * 3000],
    ["数", "据"],
    ["a,b", 'quo"te'],
    ["\x1b[31m", "\x07"],
    ["-1", "--help"],
]
NAMES = [
    "with space",
    "per%cent",
    "uni-数据",
    "dollar$x$",
    "brace{x}",
    "pipe|x",
    "quote'x",
    'double"x',
    "_under",
    "9lives",
    "comma,x",
    "paren(x)",
    "brackets[x]",
    "dot.x",
    "colon:x",
    "equals=x",
    "tilde~",
    "back`tick`",
    "<b>",
    "n" * 200,
]


@dataclass
class FileCase:
    """A mutated file: what was done to it, its bytes, and what the config must name instead."""

    what: str
    content: bytes
    changes: dict = field(default_factory=dict)

    @property
    def is_store(self) -> bool:
        """Whether this is a Zarr store."""
        return self.what.startswith(STORES)

    def write(self, folder: Path) -> None:
        """Write the file, or the store, into a study's folder."""
        if not self.is_store:
            (folder / "data.nc").write_bytes(self.content)
            return
        with zipfile.ZipFile(io.BytesIO(self.content)) as archive:
            archive.extractall(folder / STORE_NAME)


@dataclass
class Plan:
    """What is to be written, with all that can be wrong in it."""

    file_format: str = "NETCDF4"
    sizes: dict = field(default_factory=lambda: {"nsamples": N_SAMPLES, "mode": 2})
    names: dict = field(default_factory=lambda: {name: name for name in [*VARIABLES, "nsamples"]})
    types: dict = field(default_factory=dict)
    fills: dict = field(default_factory=dict)
    attributes: dict = field(default_factory=dict)
    labels: list | np.ndarray | None = field(default_factory=lambda: ["accumulation", "aitken"])
    is_swapped: bool = False
    is_unlimited: bool = False
    lacking: list = field(default_factory=list)
    extra: int = 0
    chunks: bool = False


def write_file(path: Path, plan: Plan | None = None) -> None:
    """Write a small data set: `plan` says what is odd about it."""
    plan = plan or Plan()
    n_samples, n_modes = plan.sizes["nsamples"], plan.sizes["mode"]
    rng = np.random.default_rng(1)
    tair = rng.uniform(250, 310, n_samples)
    num_aer = 10 ** rng.uniform(1, 4, (n_samples, n_modes))
    fn = 1 / (1 + (num_aer / 300) * np.exp((tair[:, None] - 280) / 20))
    values = {"tair": tair, "num_aer": num_aer, "fn": fn}
    units = {"tair": "K", "num_aer": "cm-3", "fn": "1"}
    if plan.file_format in STORES:
        _write_store(path, plan, values, units)
        return
    with netCDF4.Dataset(path, "w", format=plan.file_format) as data:
        data.set_auto_maskandscale(False)
        sample = plan.names["nsamples"]
        data.createDimension(sample, None if plan.is_unlimited else n_samples)
        data.createDimension("mode", n_modes)
        if plan.labels is not None:
            _write_labels(data, plan.labels)
        for name, array in values.items():
            if name in plan.lacking:
                continue
            dimensions = (sample, "mode")[: array.ndim]
            if plan.is_swapped:
                dimensions, array = dimensions[::-1], array.T
            for start, end, value in plan.fills.get(name, []):
                array.reshape(-1)[int(start * array.size) : int(end * array.size)] = value
            attributes = {"units": units[name], **plan.attributes.get(name, {})}
            _write_variable(data, plan, name, array, dimensions, attributes)
        for number in range(plan.extra):
            data.createVariable(f"extra_{number}", "f4", (sample,))


def _write_store(path: Path, plan: Plan, values: dict, units: dict) -> None:
    """Write a Zarr store. Version 2 has the names of the dimensions in an attribute."""
    zarr_format = int(plan.file_format[-1])
    group = zarr.open_group(path, mode="w", zarr_format=zarr_format)

    def write(name: str, array: np.ndarray, dimensions: list[str], attributes: dict) -> None:
        fill = attributes.pop("_FillValue", None)
        if isinstance(fill, str) or np.ndim(fill) or array.dtype.kind in "SU":
            fill = None
        named = {"dimension_names": dimensions} if zarr_format == 3 else {}
        old = {"_ARRAY_DIMENSIONS": dimensions} if zarr_format == 2 else {}
        plain = {key: np.asarray(value).tolist() for key, value in attributes.items()}
        with np.errstate(all="ignore"):
            group.create_array(
                name,
                data=array,
                chunks=tuple(max(1, min(size, 150)) for size in array.shape),
                fill_value=fill if fill is None else np.array(fill).astype(array.dtype)[()],
                attributes=plain | old,
                compressors="auto" if plan.chunks else None,
                **named,
            )

    sample = plan.names["nsamples"]
    if plan.labels is not None:
        write("mode", np.array(plan.labels), ["mode"], {})
    for name, array in values.items():
        if name in plan.lacking:
            continue
        dimensions = [sample, "mode"][: array.ndim]
        if plan.is_swapped:
            dimensions, array = dimensions[::-1], array.T
        array = _altered(plan, name, array)
        attributes = {"units": units[name], **plan.attributes.get(name, {})}
        write(plan.names[name], array, dimensions, attributes)
    for number in range(plan.extra):
        write(f"extra_{number}", np.zeros(plan.sizes["nsamples"], "f4"), [sample], {})


def _altered(plan: Plan, name: str, array: np.ndarray) -> np.ndarray:
    """Return the values of a variable for a store, with what is odd about them and their type."""
    array = np.array(array, order="C")
    for start, end, value in plan.fills.get(name, []):
        array.reshape(-1)[int(start * array.size) : int(end * array.size)] = value
    kind = plan.types.get(name, "f8")
    if kind in ("str", "S1"):
        return np.full(array.shape, "x", "U1" if kind == "str" else "S1")
    with np.errstate(all="ignore"):
        return array.astype(kind)


def _write_labels(data: netCDF4.Dataset, labels: list | np.ndarray) -> None:
    if isinstance(labels, np.ndarray):
        data.createVariable("mode", labels.dtype, ("mode",))[:] = labels
    elif data.data_model == "NETCDF4":
        variable = data.createVariable("mode", str, ("mode",))
        for number, label in enumerate(labels):
            variable[number] = label
    else:
        width = max(1, *(len(label.encode()) for label in labels))
        data.createDimension("characters", width)
        variable = data.createVariable("mode", "S1", ("mode", "characters"))
        padded = [label.encode().ljust(width, b"\0") for label in labels]
        variable[:] = np.array(padded, f"S{width}").view("S1").reshape(len(labels), width)


def _write_variable(
    data: netCDF4.Dataset,
    plan: Plan,
    name: str,
    array: np.ndarray,
    dimensions: tuple[str, ...],
    attributes: dict,
) -> None:
    kind = plan.types.get(name, "f8")
    if kind == "str" and plan.file_format != "NETCDF4":
        kind = "S1"
    fill = attributes.pop("_FillValue", None)
    options = {"zlib": True} if plan.chunks and plan.file_format == "NETCDF4" else {}
    if not isinstance(fill, str) and fill is not None and kind not in ("str", "S1"):
        with np.errstate(all="ignore"):
            options["fill_value"] = np.array(fill).astype(kind)
    variable = data.createVariable(
        plan.names[name], str if kind == "str" else kind, dimensions, **options
    )
    variable.set_auto_maskandscale(False)
    with np.errstate(all="ignore"):
        if kind in ("str", "S1"):
            variable[:] = np.full(array.shape, "x", "S1" if kind == "S1" else object)
        else:
            variable[:] = array.astype(kind)
    for key, value in attributes.items():
        variable.setncattr(key, value)


def _write_bytes(plan: Plan) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data"
        with warnings.catch_warnings():
            # Zarr 3 has no text so far, which it says each time.
            warnings.simplefilter("ignore", zarr.errors.UnstableSpecificationWarning)
            write_file(path, plan)
        if path.is_file():
            return path.read_bytes()
        parts = sorted(part for part in path.rglob("*") if part.is_file())
        return _pack({part.relative_to(path).as_posix(): part.read_bytes() for part in parts})


def _pack(parts: dict[str, bytes]) -> bytes:
    """Return the files of a store as an archive, the same for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def _unpack(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@st.composite
def said_wrongly(draw) -> FileCase:
    """Draw a file that any library reads, but which says something odd."""
    plan, done, changes = Plan(), [], {}
    # Text and compression are those of NetCDF-4 alone.
    plan.file_format = draw(st.sampled_from(FORMATS + ("NETCDF4",) * 2 + STORES * 2))
    if plan.file_format in STORES:
        changes["dataset.files"] = STORE_NAME
    for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):
        kind = draw(st.sampled_from(list(_ALTERATIONS)))
        done.append(f"{kind} {_ALTERATIONS[kind](draw, plan, changes)}")
    try:
        content = _write_bytes(plan)
    except (ValueError, TypeError, RuntimeError, OSError, AttributeError, OverflowError) as error:
        # The library itself refuses to write it: the plain file has to stand in.
        done.append(f"(not to be written: {type(error).__name__})")
        plan = Plan()
        content, changes = _write_bytes(plan), {}
    return FileCase(f"{plan.file_format}: {'; '.join(done)}", content, changes)


def _alter_attribute(draw, plan: Plan, changes: dict) -> str:
    name, key = draw(st.sampled_from(VARIABLES)), draw(st.sampled_from(ATTRIBUTES))
    numbers = st.sampled_from(ATTRIBUTE_NUMBERS)
    value = draw(
        st.sampled_from(ATTRIBUTE_TEXTS) | numbers | st.lists(numbers, min_size=2, max_size=3)
    )
    value = value if isinstance(value, str) else np.asarray(value)
    plan.attributes.setdefault(name, {})[key] = value
    return f"{name}.{key} = {ascii(value)[:40]}"


def _alter_text(draw, plan: Plan, changes: dict) -> str:
    key, value = (
        draw(st.sampled_from(["units", "long_name"])),
        draw(st.sampled_from(ATTRIBUTE_TEXTS)),
    )
    for name in draw(st.sampled_from([["fn"], VARIABLES])):
        plan.attributes.setdefault(name, {})[key] = value
    return f"{key} = {ascii(value)[:40]}"


def _alter_values(draw, plan: Plan, changes: dict) -> str:
    name, fill = draw(st.sampled_from(VARIABLES)), draw(st.sampled_from(list(FILLS)))
    start, end = sorted((draw(st.floats(0, 1)), draw(st.floats(0, 1))))
    if draw(st.booleans()):
        start, end = draw(st.sampled_from([(0, 1), (0, 0.03), (0.5, 0.51)]))
    plan.fills.setdefault(name, []).append((start, end, FILLS[fill]))
    return f"{name}[{start:.2g} to {end:.2g}] {fill}"


def _alter_type(draw, plan: Plan, changes: dict) -> str:
    name = draw(st.sampled_from(VARIABLES))
    plan.types[name] = draw(st.sampled_from(TYPES))
    return f"{name} as {plan.types[name]}"


def _alter_size(draw, plan: Plan, changes: dict) -> str:
    dimension = draw(st.sampled_from(["nsamples", "nsamples", "mode"]))
    plan.sizes[dimension] = draw(st.sampled_from([0, 1, 2, 3, 10]))
    if dimension == "mode":
        plan.labels = None
    plan.is_unlimited = draw(st.booleans())
    return f"{dimension} = {plan.sizes[dimension]}"


def _alter_labels(draw, plan: Plan, changes: dict) -> str:
    if plan.sizes["mode"] != 2:
        return "left alone"
    numbers = [np.array(values) for values in ([1.5, np.nan], [0.0, 0.0], [1e300, -np.inf])]
    chosen = draw(st.integers(0, len(LABELS) + len(numbers) - 1))
    plan.labels = [*LABELS, *numbers][chosen]
    return ascii(plan.labels)[:40]


def _alter_name(draw, plan: Plan, changes: dict) -> str:
    old, new = draw(st.sampled_from([*VARIABLES, "nsamples"])), draw(st.sampled_from(NAMES))
    plan.names[old] = new
    path = {
        "tair": "dataset.inputs",
        "num_aer": "dataset.inputs",
        "fn": "dataset.outputs",
        "nsamples": "dataset.sample_dimension",
    }[old]
    if old == "nsamples":
        changes[path] = new
    elif old == "fn":
        changes[path] = [{"name": new}]
    else:
        inputs = [plan.names["tair"], plan.names["num_aer"]]
        changes[path] = [{"name": inputs[0]}, {"name": inputs[1], "transform": "log10"}]
    return f"{old} as {ascii(new)[:40]}"


def _alter_shape(draw, plan: Plan, changes: dict) -> str:
    kind = draw(st.sampled_from(["swapped", "unlimited", "lacking", "extra", "packed"]))
    if kind == "swapped":
        plan.is_swapped = True
    elif kind == "unlimited":
        plan.is_unlimited = True
    elif kind == "lacking":
        plan.lacking.append(draw(st.sampled_from(VARIABLES)))
    elif kind == "extra":
        plan.extra = 300
    else:
        plan.chunks = True
    return kind


def _alter_split(draw, plan: Plan, changes: dict) -> str:
    method = draw(st.sampled_from(["group", "blocks", "variable"]))
    variable = draw(st.sampled_from([*VARIABLES, "mode", "extra_0"]))
    plan.extra = max(1, plan.extra)
    changes["split"] = {"method": method, "variable": variable}
    return f"by {method} {variable}"


_ALTERATIONS = {
    "attribute": _alter_attribute,
    "text": _alter_text,
    "values": _alter_values,
    "type": _alter_type,
    "size": _alter_size,
    "labels": _alter_labels,
    "name": _alter_name,
    "shape": _alter_shape,
    "split": _alter_split,
}


def valid_bytes(file_format: str) -> bytes:
    """Return the content of the valid file in one of the FORMATS."""
    return _write_bytes(Plan(file_format=file_format))


@st.composite
def damaged(draw) -> FileCase:
    """Draw a valid file of which some bytes were changed, or a store with one such file."""
    file_format = draw(st.sampled_from(FORMATS + STORES))
    content = valid_bytes(file_format)
    if file_format not in STORES:
        content, done = _damage(draw, content)
        return FileCase(f"{file_format} bytes: {done}", content)
    parts = _unpack(content)
    name = draw(st.sampled_from(sorted(parts)))
    if draw(st.sampled_from([True, False, False, False])):
        del parts[name]
        done = "deleted"
    else:
        parts[name], done = _damage(draw, parts[name])
    changes = {"dataset.files": STORE_NAME}
    return FileCase(f"{file_format} bytes: {name} {done}", _pack(parts), changes)


def _damage(draw, content: bytes) -> tuple[bytes, str]:
    """Return a content of which some bytes were changed, and what was done to it."""
    content, done = bytearray(content), []
    for _ in range(draw(st.sampled_from([1, 1, 2, 5]))):
        kind = draw(st.sampled_from(["flip"] * 4 + ["set", "cut", "zero", "grow", "move"]))
        # Most of what can be wrong is in the first bytes.
        end = draw(st.sampled_from([200, 2000, 20000, len(content)]))
        at = draw(st.integers(0, max(0, min(end, len(content)) - 1)))
        size = draw(st.integers(1, 64))
        if kind == "flip" and content:
            content[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "set" and content:
            content[at : at + 4] = draw(
                st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"])
            )
        elif kind == "cut":
            del content[at:]
        elif kind == "zero":
            content[at : at + size] = bytes(len(content[at : at + size]))
        elif kind == "grow":
            content += draw(st.binary(min_size=1, max_size=64))
        elif kind == "move":
            content[at:at] = draw(st.binary(min_size=1, max_size=8))
        done.append(f"{kind} at {at}")
    return bytes(content), "; ".join(done)


def file_cases() -> st.SearchStrategy[FileCase]:
    """Draw a mutated file."""
    return damaged() | said_wrongly()
