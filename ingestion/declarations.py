"""A source is a declaration: `ingestion/sources/<source_id>.yml`, checked here field by field.

Nothing about a source stands anywhere else. The DAG, the landing checks, the loader and the documentation page are
all derived from this one file, so a wrong word in it must be said with its place, in one line a mistake.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

if TYPE_CHECKING:
    import pyarrow as pa

SOURCES = Path(__file__).parent / "sources"

ColumnType = Literal["text", "bigint", "integer", "date", "numeric", "boolean", "double precision", "jsonb"]
DatedBy = Literal["folder", "file_name", "landing_day"]
Identifier = Annotated[str, Field(pattern=r"^_?[a-z][a-z0-9_]{0,48}$")]

#: written by the loader itself into every raw table, after the reader's columns
LOADER_COLUMNS: dict[str, ColumnType] = {"_load_id": "bigint", "_known_at": "date", "_layout": "text"}


class DeclarationError(ValueError):
    """A declaration is missing or wrong; the text names the file, each field and the mend."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Words(_Model):
    """The same words in the two languages of the platform."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Licence(_Model):
    name: Words
    attribution: Words
    redistribution: Literal["free", "with_attribution", "no"]


class Contact(_Model):
    team: Words
    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")


class Cadence(_Model):
    """When the source publishes, and from which day on it counts as late."""

    words: Words
    late_after_days: int = Field(ge=1)
    first_day: date


class Transport(_Model):
    kind: Literal["tree"] = Field(description="tree: folders and files below one address")
    schemes: list[Literal["file", "ftp", "http", "https", "s3"]] = Field(min_length=1)
    dated_folder: str | None = Field(
        default=None,
        description="regular expression of a leaf folder's path with a group known_at: allows to skip it; a group "
        "product tells the series of folders apart in which a missing day is noticed",
    )
    shard_number: str | None = Field(
        default=None, description="regular expression of a file name with groups series and number: gaps are noticed"
    )
    skipped_folders: str | None = Field(default=None, description="folders that are never entered")
    synthetic_marker: str = "SYNTHETIC.txt"
    full_listing_days: int = Field(
        default=7, ge=1, description="every so many days all folders are read again, whatever their time stamp"
    )

    @field_validator("dated_folder", "skipped_folders", "shard_number")
    @classmethod
    def _expression(cls, value: str | None) -> str | None:
        return value if value is None else _checked_expression(value)


class Politeness(_Model):
    """Limits towards the publisher's server."""

    requests_per_minute: int = Field(ge=1)
    daily_quota: int = Field(ge=1, description="requests a calendar day; the next day goes on where this one stopped")
    user_agent: str = Field(min_length=10)
    timeout_seconds: int = Field(ge=1)
    attempts: int = Field(ge=1, le=20)
    longest_wait_seconds: int = Field(
        ge=1, description="patience of one run; a server that asks for more is left alone, and the run ends"
    )
    spares_loopback: bool = Field(
        default=True, description="an address on our own machine is held to neither rate nor quota"
    )

    @field_validator("user_agent")
    @classmethod
    def _has_contact(cls, value: str) -> str:
        if "@" not in value and "http" not in value:
            raise ValueError("must name a contact (an e-mail or a page), so that the publisher can reach us")
        return value


class Limits(_Model):
    """Bounds on untrusted input; a file beyond one of them is refused whole."""

    max_file_bytes: int = Field(ge=1)
    max_members: int = Field(ge=1)
    max_member_bytes: int = Field(ge=1)
    max_total_bytes: int = Field(ge=1)
    max_ratio: int = Field(ge=1)
    max_rejects: int = Field(ge=1, description="a file with more rejected rows than this is no file of its layout")


class Column(_Model):
    name: Identifier
    type: ColumnType = "text"
    not_null: bool = False
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)
    restricted: bool = Field(default=False, description="may name a natural person: stays in raw")
    fill_floor: float | None = Field(default=None, ge=0, le=1, description="least share of filled rows in one load")
    allowed: list[str] = Field(default_factory=list, description="the codes that it may hold; empty = anything")
    may_lie_ahead: bool = Field(
        default=False, description="a day such as the end of a right: any future day is possible"
    )


class RowBand(_Model):
    """Rows of one load, before the scope is applied."""

    least: int = Field(ge=0)
    most: int = Field(ge=1)

    @model_validator(mode="after")
    def _order(self) -> RowBand:
        if self.least > self.most:
            raise ValueError("least must not be above most")
        return self


class PathPattern(_Model):
    """Paths below the source's address, and what dates a file found there."""

    match: str
    dated_by: DatedBy

    @field_validator("match")
    @classmethod
    def _expression(cls, value: str) -> str:
        return _checked_expression(value)

    @model_validator(mode="after")
    def _date_group(self) -> PathPattern:
        if (self.dated_by == "landing_day") == ("known_at" in re.compile(self.match).groupindex):
            raise ValueError("match needs a group (?P<known_at>…) exactly when dated_by is folder or file_name")
        return self


class Entity(_Model):
    """What the source tells about: the columns that its readers deliver, in order; the loader adds LOADER_COLUMNS."""

    name: Identifier
    words: Words
    natural_key: list[Identifier] = Field(min_length=1)
    columns: list[Column] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Entity:
        names = [column.name for column in self.columns]
        problems = [f"column {name} is declared twice" for name in sorted({n for n in names if names.count(n) > 1})]
        problems += [f"column {name} is written by the loader" for name in names if name in LOADER_COLUMNS]
        problems += [f"natural_key {name} is no column" for name in self.natural_key if name not in names]
        if problems:
            raise ValueError("; ".join(problems))
        return self


class Layout(_Model):
    """One format of the source: which paths hold it and what a load of it looks like; its reader has its name."""

    name: Identifier
    entity: Identifier
    words: Words
    paths: list[PathPattern] = Field(min_length=1)
    rows: RowBand
    unfilled: list[Identifier] = Field(default_factory=list, description="columns that this layout cannot fill")
    is_whole: bool = Field(
        default=False, description="each file holds the whole table: one before it is enough to see that it shrank"
    )


class ScopeRule(_Model):
    """A row is inside when any of `columns` contains one of `contains`, or matches `matches` as a whole."""

    columns: list[Identifier] = Field(min_length=1)
    contains: list[str] = Field(default_factory=list)
    matches: str | None = None

    @field_validator("matches")
    @classmethod
    def _expression(cls, value: str | None) -> str | None:
        return value if value is None else _checked_expression(value)

    @model_validator(mode="after")
    def _one_test(self) -> ScopeRule:
        if bool(self.contains) == (self.matches is not None):
            raise ValueError("give exactly one of contains, matches")
        return self


class Scope(_Model):
    default: str
    scopes: dict[str, list[ScopeRule]] = Field(description="name → rules, any of which suffices; `all` is built in")

    @model_validator(mode="after")
    def _known(self) -> Scope:
        if "all" in self.scopes:
            raise ValueError("the scope `all` is built in and takes no rules")
        if self.default != "all" and self.default not in self.scopes:
            raise ValueError(f"default {self.default!r} is not one of all, {', '.join(self.scopes)}")
        return self


@dataclass(frozen=True)
class Match:
    """A recognised path: its layout and the date that the path itself states, if any."""

    layout: Layout
    dated_by: DatedBy
    stated_date: date | None


@dataclass(frozen=True)
class RawTable:
    """One table of schema raw, as its declaration wants it."""

    declaration: Declaration
    entity: Entity

    @property
    def name(self) -> str:
        """`<source_id>__<entity>`."""
        return f"{self.declaration.source_id}__{self.entity.name}"

    @property
    def title_zh(self) -> str:
        return f"{self.declaration.name.zh}·{self.entity.words.zh}"

    @property
    def columns(self) -> list[Column]:
        return self.entity.columns

    @property
    def natural_key(self) -> list[str]:
        return self.entity.natural_key

    @property
    def layouts(self) -> list[Layout]:
        """The layouts whose rows go into it."""
        return [layout for layout in self.declaration.layouts if layout.entity == self.entity.name]

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the batches that its readers deliver."""
        import pyarrow as pa  # here, since DAG files read declarations each time they are parsed

        return pa.schema([(column.name, arrow_type(column.type)) for column in self.columns])


class Declaration(_Model):
    """Everything the platform knows about one source."""

    source_id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{2,40}$")]
    name: Words
    publisher: Words
    licence: Licence
    contact: Contact
    cadence: Cadence
    schedule: str = Field(description="cron expression, time zone Asia/Shanghai")
    transport: Transport
    politeness: Politeness
    limits: Limits
    watermark: Literal["known_at"]
    overlap_days: int = Field(ge=0, description="folders this close to the newest one are always read again")
    personal_columns: list[str] = Field(description="identity fields of the source that the reader drops")
    load_scope: Scope
    layouts: list[Layout] = Field(min_length=1)
    entities: list[Entity] = Field(min_length=1)
    runbook_zh: str = Field(min_length=40)

    @field_validator("schedule")
    @classmethod
    def _cron(cls, value: str) -> str:
        if len(value.split()) != 5:
            raise ValueError("must have the five fields of cron, such as '30 6 * * 2,5'")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Declaration:
        entities = {one.name: {column.name for column in one.columns} for one in self.entities}
        names = set().union(*entities.values())
        problems = []
        if len(entities) < len(self.entities):
            problems.append("two entities have the same name")
        for layout in self.layouts:
            if layout.entity not in entities:
                problems.append(f"layout {layout.name}: entity {layout.entity} is not declared")
                continue
            problems += [
                f"layout {layout.name}: unfilled {name} is no column"
                for name in layout.unfilled
                if name not in entities[layout.entity]
            ]
        problems += [f"entity {one} has no layout" for one in entities if one not in {x.entity for x in self.layouts}]
        for scope, rules in self.load_scope.scopes.items():
            problems += [
                f"load_scope {scope}: {name} is no column"
                for rule in rules
                for name in rule.columns
                if name not in names
            ]
        problems += [f"personal column {name} must not be loaded" for name in self.personal_columns if name in names]
        if len({layout.name for layout in self.layouts}) < len(self.layouts):
            problems.append("two layouts have the same name")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def tables(self) -> list[RawTable]:
        """Its tables in schema raw, one an entity."""
        return [RawTable(self, entity) for entity in self.entities]

    def table_of(self, layout: str) -> RawTable:
        """The table that a layout's rows go into; KeyError for an unknown layout."""
        entity = self.layout(layout).entity
        return next(table for table in self.tables if table.entity.name == entity)

    @property
    def scope(self) -> str:
        """The load scope in force: SOURCE_SCOPE_<SOURCE_ID> of the environment, else the declared one."""
        chosen = os.environ.get(f"SOURCE_SCOPE_{self.source_id.upper()}") or self.load_scope.default
        if chosen != "all" and chosen not in self.load_scope.scopes:
            known = ", ".join(["all", *self.load_scope.scopes])
            raise DeclarationError(
                f"SOURCE_SCOPE_{self.source_id.upper()}={chosen}: unknown scope, one of {known}. 未知的加载范围。"
            )
        return chosen

    def layout(self, name: str) -> Layout:
        """The layout of this name; KeyError if none."""
        return {layout.name: layout for layout in self.layouts}[name]

    def recognise(self, path: str) -> Match | None:
        """Which layout a path below the source's address has, and its date; None = to be ignored."""
        for layout in self.layouts:
            for pattern in layout.paths:
                if found := re.search(pattern.match, path):
                    return Match(layout, pattern.dated_by, _date(found.groupdict().get("known_at")))
        return None

    def folder_date(self, folder: str) -> date | None:
        """The date of a dated leaf folder, None for any other folder."""
        if self.transport.dated_folder is None:
            return None
        found = re.search(self.transport.dated_folder, folder)
        return _date(found.group("known_at")) if found else None

    def folder_product(self, folder: str) -> str | None:
        """The product whose day a dated folder holds, where the declaration tells products apart."""
        if self.transport.dated_folder is None:
            return None
        found = re.search(self.transport.dated_folder, folder)
        return found.groupdict().get("product") if found else None

    def shard(self, name: str) -> tuple[str, int, int] | None:
        """Series, number and digits of a numbered file of a delivery, `…_0003.zip`; None for any other file."""
        if self.transport.shard_number is None:
            return None
        found = re.fullmatch(self.transport.shard_number, name)
        return (found["series"], int(found["number"]), len(found["number"])) if found else None

    def is_skipped_folder(self, folder: str) -> bool:
        return bool(self.transport.skipped_folders and re.search(self.transport.skipped_folders, folder))


def arrow_type(column_type: str) -> pa.DataType:
    """The Arrow type that a reader delivers for a declared column type."""
    import pyarrow as pa  # here, since DAG files read declarations each time they are parsed

    return {
        "text": pa.string(),
        "jsonb": pa.string(),
        "numeric": pa.string(),
        "bigint": pa.int64(),
        "integer": pa.int32(),
        "date": pa.date32(),
        "boolean": pa.bool_(),
        "double precision": pa.float64(),
    }[column_type]


def parse(text: str, where: str) -> Declaration:
    """Check one declaration; DeclarationError lists every mistake with its place."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DeclarationError(f"{where}: not YAML: {error}") from error
    if not isinstance(content, dict):
        raise DeclarationError(f"{where}: must be a mapping of fields 声明必须是字段映射")
    try:
        return Declaration.model_validate(content)
    except ValidationError as error:
        lines = [f"  {'.'.join(str(part) for part in one['loc']) or '(whole)'}: {one['msg']}" for one in error.errors()]
        raise DeclarationError(f"{where} is wrong 数据源声明有误:\n" + "\n".join(lines)) from error


@cache
def _load_cached(path: Path, changed: int) -> Declaration:
    declaration = parse(path.read_text(encoding="utf-8"), path.name)
    if declaration.source_id != path.stem:
        raise DeclarationError(f"{path.name}: source_id is {declaration.source_id}, must equal the file's name")
    return declaration


def declaration(source_id: str, folder: Path = SOURCES) -> Declaration:
    """The declaration of one source; DeclarationError when there is none or it is wrong."""
    path = folder / f"{source_id}.yml"
    if not path.is_file():
        known = ", ".join(source_ids(folder))
        raise DeclarationError(f"Unknown source {source_id!r}; declared are: {known}. 未知的数据源。")
    return _load_cached(path, path.stat().st_mtime_ns)


def source_ids(folder: Path = SOURCES) -> list[str]:
    """Names of all declared sources, sorted."""
    return sorted(path.stem for path in folder.glob("*.yml"))


def _checked_expression(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is not a regular expression: {error}") from error
    return value


def _date(text: str | None) -> date | None:
    """`20190709` or `2019-07-09`; None for no text and for a day that does not exist."""
    if not text:
        return None
    try:
        return datetime.strptime(text.replace("-", ""), "%Y%m%d").date()
    except ValueError:
        return None
