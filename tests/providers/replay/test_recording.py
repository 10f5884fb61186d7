"""A recording is read strictly; what is wrong with it is said with file, line and reason."""

import gzip
from pathlib import Path

import msgspec
import pytest

from app import metrics
from app.providers.replay import recording as format_
from app.providers.replay.recording import (
    LINE_BYTES_MAX,
    RecordingRefused,
    encode,
    load,
    load_folder,
    save,
)

HEADER = (
    '{"format":"touchline-recording","version":1,"id":"a.match","sport":"football",'
    '"league":{"external_id":"l","name":"A League"},"home":{"external_id":"h","name":"Home"},'
    '"away":{"external_id":"a","name":"Away"},"start_time":"2022-12-18T15:00:00Z",'
    '"duration_s":6000,"source":"by hand","licence":"CC0-1.0","rules":{"clock":"minutes"}}'
)
LIVE = '{"at":0,"score":{"status":"live","home":0,"away":0}}'
GOAL = (
    '{"at":60,"score":{"status":"live","home":1,"away":0},"incidents":'
    '[{"type":"goal","key":"g1","side":"home","homeScore":1,"awayScore":0}]}'
)
OVER = '{"at":6000,"score":{"status":"finished","home":1,"away":0}}'

MALFORMED = [
    # what is wrong, its lines, the line that is named, what the reason says
    ("an empty file", [], 1, "header"),
    ("a header and nothing else", [HEADER], 2, "a moment"),
    ("no header", [LIVE, GOAL], 1, "unknown field"),
    ("another format", [HEADER.replace("touchline", "x"), LIVE], 1, "$.format"),
    ("a later version", [HEADER.replace('on":1', 'on":2'), LIVE], 1, "$.version"),
    ("a header without sport", [HEADER.replace("sport", "spot"), LIVE], 1, "spot"),
    ("a sport nobody knows", [HEADER.replace("football", "go"), LIVE], 1, "$.sport"),
    ("a start without a time zone", [HEADER.replace("00Z", "00"), LIVE], 1, "timezone"),
    ("an id with a slash", [HEADER.replace("a.match", "a/b"), LIVE], 1, "$.id"),
    ("broken JSON", [HEADER, LIVE, '{"at":'], 3, "truncated"),
    ("an empty line", [HEADER, "", LIVE], 2, "truncated"),
    ("a second header", [HEADER, HEADER], 2, "unknown field"),
    ("a moment without a time", [HEADER, '{"incidents":[]}'], 2, "`at`"),
    ("a time in words", [HEADER, '{"at":"now"}'], 2, "$.at"),
    ("a time long before kick-off", [HEADER, '{"at":-99999}'], 2, "$.at"),
    ("a time that is no number", [HEADER, '{"at":NaN}'], 2, "malformed"),
    ("time that goes back", [HEADER, GOAL, LIVE], 3, "goes back"),
    ("a time after the end", [HEADER, LIVE, OVER.replace("00", "99")], 3, "6000 s"),
    ("a status nobody knows", [HEADER, LIVE.replace("live", "odd")], 2, "status"),
    ("a score below nil", [HEADER, LIVE.replace('"home":0', '"home":-1')], 2, "$.score.home"),
    ("playing on after the end", [HEADER, OVER, OVER.replace("finished", "live")], 3, "to live"),
    ("a match put back", [HEADER, LIVE, GOAL.replace("live", "scheduled")], 3, "to scheduled"),
    ("an incident nobody knows", [HEADER, GOAL.replace('"goal"', '"gaol"')], 2, "gaol"),
    ("an incident told twice", [HEADER, GOAL, GOAL], 3, "on line 2"),
    ("a goal not in the score", [HEADER, GOAL.replace('"home":1', '"home":0')], 2, "made it 1-0"),
    ("a key nobody knows", [HEADER, LIVE[:-1] + ',"weather":"fine"}'], 2, "weather"),
    ("bytes that are no text", [HEADER, LIVE[:-1] + ',"\udcff":0}'], 2, "utf-8"),
]


def write(file: Path, *lines: str) -> Path:
    content = "".join(f"{line}\n" for line in lines)
    file.write_bytes(content.encode(errors="surrogateescape"))
    return file


@pytest.mark.parametrize(
    ("lines", "line", "reason"), [row[1:] for row in MALFORMED], ids=[row[0] for row in MALFORMED]
)
def test_a_malformed_recording_is_refused_with_its_line(
    tmp_path: Path, lines: list[str], line: int, reason: str
) -> None:
    file = write(tmp_path / "bad.jsonl", *lines)
    with pytest.raises(RecordingRefused) as caught:
        load(file)
    assert (caught.value.file, caught.value.line) == (file, line)
    assert reason in caught.value.reason
    assert f"bad.jsonl, line {line}: " in str(caught.value)


def test_a_good_recording_is_read(tmp_path: Path) -> None:
    read = load(write(tmp_path / "good.jsonl", HEADER, LIVE, GOAL, OVER))
    assert read.id == "a.match"
    assert [moment.at for moment in read.moments] == [0, 60, 6000]


def test_a_gzipped_recording_is_read(tmp_path: Path) -> None:
    file = tmp_path / "good.jsonl.gz"
    file.write_bytes(gzip.compress(f"{HEADER}\n{LIVE}\n".encode()))
    assert load(file).id == "a.match"


@pytest.mark.parametrize("cut", [5, 40])
def test_a_gzip_file_that_is_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "cut.jsonl.gz"
    file.write_bytes(gzip.compress(f"{HEADER}\n{LIVE}\n".encode())[:-cut])
    with pytest.raises(RecordingRefused, match="cannot be read"):
        load(file)


def test_a_line_that_is_too_long_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    long = LIVE[:-1] + " " * LINE_BYTES_MAX + "}"
    file = write(tmp_path / "long.jsonl", HEADER, LIVE, long)
    with pytest.raises(RecordingRefused, match=r"line 3: .*bytes"):
        load(file)


def test_too_many_lines_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(format_, "LINES_MAX", 3)
    load(write(tmp_path / "three.jsonl", HEADER, LIVE, GOAL))
    with pytest.raises(RecordingRefused, match="line 4: more than 3 lines"):
        load(write(tmp_path / "four.jsonl", HEADER, LIVE, GOAL, OVER))


def test_a_file_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(format_, "FILE_BYTES_MAX", 1_000)
    file = tmp_path / "bomb.jsonl.gz"
    blanks = LIVE[:-1] + " " * 2_000 + "}"
    file.write_bytes(gzip.compress(f"{HEADER}\n{blanks}\n".encode()))
    with pytest.raises(RecordingRefused, match="line 2: more than 1000 bytes"):
        load(file)


def test_the_good_ones_of_a_folder_play_and_the_others_are_listed(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", HEADER, LIVE, OVER)
    write(tmp_path / "b.jsonl", HEADER.replace("a.match", "b.match"), GOAL, LIVE)
    write(tmp_path / "c.jsonl", HEADER, LIVE)
    (tmp_path / "deep").mkdir()
    write(tmp_path / "deep" / "d.jsonl", HEADER.replace("a.match", "d.match"), LIVE)
    write(tmp_path / "NOTICE.md", "not a recording")
    loaded = load_folder(tmp_path)
    assert [recording.id for recording in loaded.recordings] == ["a.match", "d.match"]
    assert [(r.file.name, r.line) for r in loaded.refused] == [("b.jsonl", 3), ("c.jsonl", 1)]
    assert "another file has the id 'a.match'" in loaded.refused[1].reason
    assert metrics.REGISTRY.get_sample_value("touchline_recordings_refused") == 2


def test_an_empty_folder_has_nothing(tmp_path: Path) -> None:
    loaded = load_folder(tmp_path)
    assert (loaded.recordings, loaded.refused) == ((), ())


def test_a_folder_that_is_not_there_is_no_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="nowhere"):
        load_folder(tmp_path / "nowhere")


def test_what_is_saved_is_read_back_the_same(tmp_path: Path) -> None:
    read = load(write(tmp_path / "good.jsonl", HEADER, LIVE, GOAL, OVER))
    again = load(save(read, tmp_path / "saved"))
    assert again == read
    assert encode(again) == encode(read)
    assert b"null" not in encode(read)


def test_the_example_in_the_docstring_names_every_key_of_the_header() -> None:
    for struct in (format_.Header, format_.Rules, format_.Moment):
        for field in msgspec.structs.fields(struct):
            assert f'"{field.encode_name}"' in (format_.__doc__ or "")
