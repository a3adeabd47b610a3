"""Do the experiments give the numbers that are committed, are the paper's figures left out where they do not apply, is the
verdict what its rule says, and is every mistake in a manifest or an option one line?"""

import copy
import importlib.util
import json
import pathlib
import subprocess

import attnlab.experiments as experiments
import pytest
from attnlab._program import program
from attnlab.experiments import __main__ as command
from attnlab.experiments import _compare, _schema

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = sorted(manifest.parent.name for manifest in (ROOT / "experiments").glob("*/experiment.json"))
IN_SHAPE = {"prefix_sharing", "vllm_memory"}  # the others are exact
SCHEMA = json.loads((ROOT / "python/attnlab/experiments/schema.json").read_text())

TOY = {
    "title": "A toy",
    "paper": "Somebody",
    "settings": {
        "size": {"value": 4, "least": 1, "most": 1000000, "about": "of it"},
        "kind": {"value": "a", "one_of": ["a", "b"], "about": "of it"},
        "sizes": {"value": [1, 2], "least": 1, "about": "of them", "quick": [1]},
        "share": {"value": 0.5, "least": 0, "most": 1, "about": "of it"},
        "on": {"value": True, "about": "or off"},
    },
    "rows": [{"label": "one", "algorithm": "flash2"}],
    "paper_settings": {"size": 4, "kind": "a"},
    "quantities": {
        "mass": {"title": "Mass", "unit": "kg", "shape": 1.5, "depends_on": ["size"]},
        "time": {"title": "Time", "unit": "s", "claimed": False},
    },
}
PAPER = "quantity,row,paper,error,where\nmass,one,4.0,,page 1\ntime,one,10,0.5,page 2\n"
RUN = """
from attnlab.experiments import Result, Table
def run(settings, paper):
    if settings.size == 13:
        raise ValueError("size: got 13, expected luck")
    ours = {"mass": {"one": settings.size * 1.01}, "time": {"one": 12.0}}
    return Result(ours, [Table("toy", ["", "n"], [["one", "1"]])], {"toy": {"n": settings.size}}, notes="So it is.\\n")
"""
PLOT = """
import matplotlib.pyplot as plt
def draw(documents):
    figure, axes = plt.subplots()
    axes.plot([documents["toy"]["n"]])
    return {"toy": figure}
"""


@pytest.fixture
def toy(tmp_path):
    folder = tmp_path / "own" / "toy"
    folder.mkdir(parents=True)
    for name, text in (("experiment.json", json.dumps(TOY)), ("paper.csv", PAPER), ("run.py", RUN), ("plot.py", PLOT)):
        (folder / name).write_text(text)
    return folder


def loaded(toy, change=None):
    if change:
        manifest = copy.deepcopy(TOY)
        change(manifest)
        (toy / "experiment.json").write_text(json.dumps(manifest))
    return experiments.load("toy", toy.parent)


def test_all_are_there_and_fit_the_schema():
    assert experiments.names() == NAMES
    for name in NAMES:
        assert experiments.load(name).title
        for file in ("paper.csv", "run.py", "plot.py", "README.md", "results/comparison.json"):
            assert (ROOT / "experiments" / name / file).exists(), (name, file)


MISTAKES = [
    (lambda m: m.update(titel="x"), "toy/experiment.json: got the unknown key 'titel', expected one of title, paper, "),
    (lambda m: m.pop("title"), "toy/experiment.json: got no 'title'"),
    (lambda m: m.update(title=3), "toy/experiment.json.title: got 3, expected a string"),
    (lambda m: m["settings"]["size"].update(value=0), "settings.size.value: got 0, expected an integer of at least 1"),
    (lambda m: m["settings"]["size"].update(value=-1), "settings.size.value: got -1, expected an integer of at least 1"),
    (lambda m: m["settings"]["sizes"].update(value=[1, 0]), r"settings.sizes.value: got \[1, 0\], expected numbers"),
    (lambda m: m["settings"]["sizes"].update(value=[]), r"settings.sizes.value: got \[\], expected numbers"),
    (lambda m: m["settings"]["size"].update(value=None), "settings.size.value: got null, expected an integer or"),
    (lambda m: m["settings"]["size"].update(quick="a"), 'settings.size.quick: got "a", expected an integer'),
    (lambda m: m["settings"]["kind"].update(value="c"), 'settings.kind.value: got "c", expected one of a, b'),
    (lambda m: m["settings"]["size"].update(last=1), "settings.size: got the unknown key 'last'"),
    (lambda m: m["rows"][0].update(br=0), r"rows\[0\].br: got 0, expected at least 1"),
    (lambda m: m["rows"][0].update(br=True), r"rows\[0\].br: got true, expected an integer"),
    (lambda m: m["rows"][0].update(dropout_p=1), r"rows\[0\].dropout_p: got 1, expected less than 1"),
    (lambda m: m["rows"][0].update(num_heads=0), r"rows\[0\]: got the unknown key 'num_heads'"),
    (lambda m: m["paper_settings"].update(sise=4), "paper_settings: got the unknown key 'sise'"),
    (lambda m: m["quantities"]["mass"].update(depends_on=["on"]), "mass.depends_on: got the unknown key 'on'"),
    (lambda m: m["quantities"]["mass"].update(shape=0.5), "mass.shape: got 0.5, expected at least 1"),
    (lambda m: m["quantities"].pop("time"), "toy/paper.csv, line 3: got the quantity 'time', expected one of mass"),
]


@pytest.mark.parametrize(("change", "message"), MISTAKES)
def test_a_wrong_manifest_is_refused_in_one_line(toy, change, message):
    with pytest.raises(ValueError, match=message) as refused:
        loaded(toy, change)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["[" * 2000, '{"a":' * 2000, '{"title": ' + "[" * 990 + "]" * 990 + "}"])
def test_brackets_without_end_are_refused(toy, text):
    (toy / "experiment.json").write_text(text)
    with pytest.raises(ValueError, match="toy/experiment.json"):
        experiments.load("toy", toy.parent)


@pytest.mark.parametrize(("change", "message"), MISTAKES)
def test_the_schema_says_the_same_to_others(change, message):
    jsonschema = pytest.importorskip("jsonschema")
    manifest = copy.deepcopy(TOY)
    jsonschema.validate(manifest, SCHEMA)
    change(manifest)

    def accepts(validate):
        try:
            validate()
        except (ValueError, jsonschema.ValidationError):
            return False
        return True

    own = accepts(lambda: _schema.validate(manifest, SCHEMA, "toy"))
    assert own == accepts(lambda: jsonschema.validate(manifest, SCHEMA))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("quantity,row,paper\n", "toy/paper.csv: got the columns"),
        (PAPER + "mass,one,5,,\n", "line 4: got row 'one' with '5', expected a row of its own"),
        (PAPER + "mass,two,,,\n", "line 4: got row 'two' with '', expected a row of its own and a figure"),
        (PAPER + "mass,two,5,wide,\n", "line 4: got the error 'wide', expected a number"),
    ],
)
def test_a_wrong_paper_is_refused(toy, lines, message):
    (toy / "paper.csv").write_text(lines)
    with pytest.raises(ValueError, match=message):
        loaded(toy)


def test_settings_are_read_and_refused(toy):
    experiment = loaded(toy)
    settings = experiment.settings({"size": "2k", "sizes": "3,4k", "share": "0.25", "on": "false", "kind": "b"})
    assert dict(settings) == {"size": 2048, "kind": "b", "sizes": [3, 4096], "share": 0.25, "on": False}
    assert settings.size == 2048 and settings.rows[0]["label"] == "one" and not hasattr(settings, "mass")
    assert experiment.settings(quick=True).sizes == [1]
    for change, message in [
        ({"sice": "3"}, "sice: got a setting that toy does not have, expected one of size, kind, sizes, share, on"),
        ({"size": "0"}, "size: got 0, expected an integer of at least 1 and at most 1000000"),
        ({"size": "-1"}, "size: got -1"),
        ({"size": "1.5"}, "size: got 1.5"),
        ({"size": "x"}, "size: got x, expected an integer"),
        ({"size": "2M"}, "size: got 2M"),
        ({"share": "nan"}, "share: got nan"),
        ({"kind": "c"}, "kind: got c, expected one of a, b"),
        ({"sizes": "1,,2"}, "sizes: got 1,,2, expected numbers"),
        ({"on": "1"}, "on: got 1, expected true or false"),
    ]:
        with pytest.raises(ValueError, match=message):
            experiment.settings(change)
    endless = loaded(toy)
    del endless.declared["share"]["most"]
    with pytest.raises(ValueError, match="share: got inf, expected a number of at least 0"):
        endless.settings({"share": "inf"})


def test_a_figure_goes_where_its_settings_go(toy):
    experiment = loaded(toy)
    figures = lambda **changes: {  # noqa: E731
        name for name, rows in experiment.paper_for(experiment.settings(changes)).figures.items() if rows
    }
    assert figures() == {"mass", "time"}
    assert figures(size="4", share="1") == {"mass", "time"}
    assert figures(kind="b") == {"mass"}
    assert figures(size="5") == set()


@pytest.mark.parametrize(
    ("paper", "ours", "verdict"),
    [
        ({"a": "4.4", "b": "40.3"}, {"a": 4.43, "b": 40.27}, "exact"),
        ({"a": "4.4", "b": "40.3"}, {"a": 4.46, "b": 40.27}, "in shape"),
        ({"a": "4.4", "b": "40.3"}, {"a": 44.0, "b": 430.0}, "in shape"),
        ({"a": "4.4", "b": "40.3"}, {"a": 4.4, "b": 80.0}, "not reproduced"),
        ({"a": "104"}, {"a": 104.5}, "exact"),
        ({"a": "104"}, {"a": -104.0}, "not reproduced"),
        ({"a": "out of memory", "b": "1"}, {"a": "out of memory", "b": 1.0}, "exact"),
        ({"a": "out of memory", "b": "1"}, {"a": 3.0, "b": 1.0}, "not reproduced"),
        ({"a": "0"}, {"a": 0.4}, "exact"),
        ({"a": "0"}, {"a": 0.6}, "not reproduced"),
        ({"a": "4.4"}, {}, "not compared"),
    ],
)
def test_the_verdicts_rule(toy, paper, ours, verdict):
    lines = "".join(f"mass,{row},{figure},,\n" for row, figure in paper.items())
    (toy / "paper.csv").write_text("quantity,row,paper,error,where\n" + lines)
    experiment = loaded(toy)
    comparisons = _compare.compare(experiment, experiment.paper, experiments.Result({"mass": ours}))
    assert comparisons["mass"].verdict == verdict and _compare.overall(comparisons) == verdict


def test_a_run_writes_its_files_whole(toy, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    out = tmp_path / "out"
    call = ["toy", f"--folder={toy.parent}", f"--out={out}"]
    assert command.main(call) == 0
    text = capsys.readouterr().out
    lines = [line.split() for line in text.splitlines()]
    assert ["one", "4.0", "4.04", "1.010", "exact"] in lines and ["one", "10", "12", "1.200", "in", "shape"] in lines
    assert "So it is." in text and text.endswith("verdict: exact\n")  # time is not claimed
    record = json.loads((out / "toy/comparison.json").read_text())
    assert record["date"] == "1970-01-02" and record["command"] == "attnlab experiment toy"
    assert record["quantities"]["mass"]["rows"][0]["ratio"] == pytest.approx(1.01)
    plots = {"toy.svg", "toy.png"} if importlib.util.find_spec("matplotlib") else set()
    files = {path.name for path in (out / "toy").iterdir()}
    assert files == {"toy.csv", "toy.json", "comparison.csv", "comparison.json"} | plots
    if plots:
        assert "attnlab experiment toy · " in (out / "toy/toy.svg").read_text()

    before = {path: path.read_bytes() for path in (out / "toy").iterdir()}
    assert command.main([*call, "--set", "size=13"]) == 2
    assert capsys.readouterr().err == "attnlab: size: got 13, expected luck\n"
    assert {path: path.read_bytes() for path in (out / "toy").iterdir()} == before

    assert command.main([*call, "--set", "size=5", "--no-plots"]) == 0
    text = capsys.readouterr().out
    assert "The paper has no figures for these settings." in text and "verdict: not compared" in text
    assert "4.0 " not in text and json.loads((out / "toy/toy.json").read_text()) == {"n": 5}
    assert command.main([*call, "--update", "--no-plots"]) == 0
    assert (toy / "results/toy.csv").read_text() == ",n\none,1\n"


def test_a_figure_that_nothing_computes_is_a_mistake(toy, tmp_path, capsys):
    (toy / "paper.csv").write_text(PAPER + "mass,two,4,,\n")
    assert command.main(["toy", f"--folder={toy.parent}", f"--out={tmp_path}", "--no-plots"]) == 2
    assert "toy/paper.csv: got row 'two' of mass, which run.py does not compute" in capsys.readouterr().err


def documents_of(name, tmp_path, *options):
    outcome = command.main([name, f"--out={tmp_path}", "--no-plots", *options])
    assert outcome == 0
    results = ROOT / "experiments" / name / "results"
    return [
        {path.name: json.loads(path.read_text()) for path in folder.glob("*.json")} for folder in (tmp_path / name, results)
    ]


def without(value, *keys):
    """The JSON without these keys, at any depth."""
    if isinstance(value, dict):
        return {key: without(item, *keys) for key, item in value.items() if key not in keys}
    return [without(item, *keys) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_results_are_what_the_experiment_gives(name, tmp_path, capsys):
    quick = ["--quick"] if name == "fa1_fig2" else []
    ours, committed = documents_of(name, tmp_path, *quick)
    run = ["date", "device", "attnlab", "command", "heads_run"]
    inexact = ["worst_error_output", "worst_error_gradient", "model_error", "error_from_float64", "difference_from_model"]
    if name == "real_attention":  # all its numbers are roundings, which depend on the machine
        ours, committed = ({file: without(d[file], "rows", "ours") for file in d} for d in (ours, committed))
    assert without(ours, *run, *inexact) == without(committed, *run, *inexact)
    verdict = "in shape" if name in IN_SHAPE else "exact"
    assert committed["comparison.json"]["verdict"] == verdict and f"verdict: {verdict}\n" in capsys.readouterr().out


def test_changed_sizes_drop_the_papers_figures(tmp_path, capsys):
    changes = ["--set=seqlen=128", "--set=batch=1", "--set=num_heads=2", "--set=heads_run=1"]
    assert command.main(["fa1_fig2", f"--out={tmp_path}", "--no-plots", *changes]) == 0
    text = capsys.readouterr().out
    assert "40.3" not in text and "66.6" not in text and "verdict: not compared" in text
    data = json.loads((tmp_path / "fa1_fig2/fig2.json").read_text())
    assert all(row["paper"] is None and row["metered_equals_closed"] for row in data["rows"])
    assert all(point["matrix_bytes"] == point["metered_matrix_bytes"] for point in data["middle"])


def program_says(*arguments, code=2, **environment):
    import os

    run = subprocess.run([program(), "experiment", *arguments], capture_output=True, text=True, cwd="/",
                         env={**os.environ, **environment})  # fmt: skip
    assert run.returncode == code, run.stderr
    return run.stdout if code == 0 else run.stderr


def test_the_program_runs_them(tmp_path):
    listed = program_says("--list", code=0)
    assert all(f"{name}: " in listed for name in NAMES) and "seqlen=1024" in listed
    text = program_says("fa1_table21", "--no-plots", "--out", str(tmp_path / "a folder"), "--set", "seqlen=128,512", code=0)
    assert "FlashAttention, N 512" in text and (tmp_path / "a folder/fa1_table21/comparison.csv").exists()
    hostile = "$(touch x)"
    for arguments, message in [
        (["fig9"], f"experiment: got fig9, expected one of {', '.join(NAMES)}"),
        ([], "experiment: got nothing, expected --list, --all or one of"),
        (["fa1_fig2", "--all"], "experiment: got fa1_fig2 and --all"),
        (["fa1_fig2", "--set", "num_heads=0"], "num_heads: got 0, expected an integer of at least 1"),
        (["fa1_fig2", "--set", "num_heads=-1"], "num_heads: got -1, expected an integer of at least 1"),
        (["fa1_fig2", "--set", "heads=1"], "heads: got a setting that fa1_fig2 does not have"),
        (["fa1_fig2", "--set", "dtype=fp12"], "dtype: got fp12, expected one of fp32, fp16, bf16"),
        (["fa1_fig2", "--set", "seqlen"], "--set: got seqlen, expected KEY=VALUE"),
        (["fa1_fig2", "--set", f"device={hostile}"], f"device: got '{hostile}'"),
        (["fa1_fig2", "--out", "/proc/no"], "/proc/no"),
        (["--list", "--folder", "/no/such"], "/no/such: no such folder of experiments"),
    ]:
        line = program_says(*arguments)
        assert line.startswith(f"attnlab: {message}") or message in line, line
        assert line.count("\n") == 1, line


def test_without_python_or_the_package_it_is_one_line(tmp_path):
    missing = program_says("--list", ATTNLAB_PYTHON="/no/such/python")
    assert "ATTNLAB_PYTHON: got /no/such/python, expected a Python 3.11 or newer" in missing and missing.count("\n") == 1
    (tmp_path / "numpy").mkdir()
    (tmp_path / "numpy/__init__.py").write_text("raise ImportError('No module named numpy')")
    hidden = program_says("--list", PYTHONPATH=str(tmp_path))
    assert "attnlab's package does not load (No module named numpy)" in hidden and hidden.count("\n") == 1
