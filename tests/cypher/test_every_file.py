"""Each .cypher file is documented, spelled as graph/schema.py spells it, and understood without a warning."""

import html
import logging
import re
from collections.abc import Iterator

import neo4j
import pytest

import cypher
from cypher import guide
from graph import schema
from graph.database.driver import Graph

SCHEMA_FILES = [name for name in cypher.names() if name.startswith("schema/V")]
QUERIES = [name for name in cypher.names() if name not in SCHEMA_FILES]
ONLINE = [
    n for n in QUERIES if n.split("/")[0] in ("candidates", "filters", "explore", "neighbourhood", "lookup", "sample")
]
CLAUSES = (
    *("MATCH", "OPTIONAL MATCH", "WHERE", "RETURN", "WITH", "ORDER BY", "LIMIT", "UNWIND", "CALL", "MERGE", "CREATE"),
    *("SET", "DELETE", "DETACH DELETE", "UNION", "ON CREATE", "ON MATCH", "FOR", "REQUIRE", "AND", "OR"),
)
LABELS = {*schema.NODE_KEYS, schema.KEAK, schema.BEAT, schema.TRACK, *schema.BOOKKEEPING}
PROPERTIES = {
    *schema.NODE_KEYS.values(),
    *(p for type_ in schema.RELATIONSHIPS.values() for p in (*type_.properties, *type_.books)),
    *schema.UNDONE,
    *(p for properties in schema.BOOKKEEPING.values() for p in properties),
    *schema.CONTENT_KEPT,
    *(*schema.USER_TIMES, *schema.USER_COUNTS, *schema.USER_FLAGS, *schema.USER_LISTS),
    *(*schema.KEAK_TIMES, *schema.KEAK_COUNTS, *schema.KEAK_FLAGS, *schema.KEAK_TEXTS),
    *(*schema.BEAT_TIMES, *schema.BEAT_COUNTS, *schema.BEAT_TEXTS, *schema.BEAT_TEXT_LISTS),
    *schema.FEATURES,
    *("battleCount", "prizeMoneyWon", "prizeMoneyGiven"),  # renamed by a schema file: no file of ours has them
    *(*schema.TRACK_TEXTS, *schema.TRACK_COUNTS, *schema.SESSION_TIMES, *schema.SESSION_TEXTS),
    *schema.SESSION_KEPT,
    "community",  # written by notebooks/2-networkx.ipynb
    *("name", "keakId", "beatId", "trackId", schema.TITLE),
    *(schema.PRIVATE, schema.SAID_PRIVATE, schema.TAKEN_DOWN),
}


def code(name: str) -> str:
    """The query without comments and texts in quotes."""
    lines = [line for line in cypher.load(name).splitlines() if not line.lstrip().startswith("//")]
    return re.sub(r"'[^']*'", "''", "\n".join(lines))


@pytest.mark.parametrize("name", cypher.names())
def test_opens_with_a_comment(name):
    text = cypher.load(name)
    assert text.startswith("// ")
    if name in QUERIES:
        comment = text[: text.index("\n", text.rindex("//"))]
        assert "// Parameters: " in comment
        assert "// Columns: " in comment
        documented = set(re.findall(r"\w+", comment.split("Parameters:")[1]))
        assert set(re.findall(r"\$(\w+)", code(name))) <= documented, "an undocumented parameter"


@pytest.mark.parametrize("name", cypher.names())
def test_house_style(name):
    text = code(name)
    assert "apoc." not in text
    assert "gds." not in text
    assert "\t" not in text
    for line in text.splitlines():
        assert len(line) <= 120
        # (A keyword in the middle of a line belongs to a subquery in braces or a CASE, or is an AND.)
        word = line.strip().split("(")[0].split(" ")[0]
        assert word.upper() not in CLAUSES or word == word.upper(), f"keyword in lower case: {line}"


@pytest.mark.parametrize("name", cypher.names())
def test_names_are_those_of_the_schema(name):
    text = code(name)
    inside = re.sub(r"\{[^{}]*\}", "", text)
    types = {t for group in re.findall(r"-\[\w*:([\w|]+)", inside + text) for t in group.split("|")}
    assert types <= {*schema.RELATIONSHIPS, schema.UNDID, schema.LESS}, "an unknown relationship type"
    labels = set(re.findall(r"(?<!\[)(?<!\[\w)\b\w*:([A-Z][a-z]\w*)", text))
    assert labels <= LABELS, "an unknown label"
    variables = set(re.findall(r"\((\w+):", text)) | set(re.findall(r"\[(\w+):[A-Z]", text))
    used = {key for variable, key in re.findall(r"(?<![\w$.])(\w+)\.(\w+)", text) if variable in variables}
    assert used <= PROPERTIES, "an unknown property"


@pytest.mark.parametrize("name", ONLINE)
def test_online_queries_only_read(name):
    assert not re.search(r"\b(CREATE|MERGE|SET|DELETE|REMOVE)\b", code(name))


@pytest.fixture(scope="module")
def session(graph: Graph) -> Iterator[neo4j.Session]:
    """A bare session on a graph that has every label, type and key, so that the server warns about all others."""
    graph.write("load/users", deadline_ms=0, rows=[{"id": "x", "properties": {}}])
    where = graph.where
    with (
        pytest.MonkeyPatch.context() as patch,
        neo4j.GraphDatabase.driver(where.uri, auth=(where.user, where.password)) as driver,
        driver.session(database=where.database) as session,
    ):
        patch.setattr(logging.getLogger("neo4j.notifications"), "disabled", True)  # these tests look at them themselves
        for label in sorted(LABELS):
            session.run("CALL db.createLabel($label)", label=label).consume()
        for type_ in (*schema.RELATIONSHIPS, schema.UNDID, schema.LESS):
            session.run("CALL db.createRelationshipType($type)", type=type_).consume()
        for key in sorted(PROPERTIES):
            session.run("CALL db.createProperty($key)", key=key).consume()
        yield session


@pytest.mark.parametrize("name", QUERIES)
def test_the_server_understands_it(session, name):
    parameters = dict.fromkeys(re.findall(r"\$(\w+)", code(name)))
    summary = session.run(f"EXPLAIN {cypher.load(name)}", parameters).consume()
    warnings = [status.status_description for status in summary.gql_status_objects if status.is_notification]
    if name.startswith(("export/", "sample/")):  # id() is deprecated, and worth it there: graph/snapshot/export.py
        warnings = [text for text in warnings if "id is deprecated" not in text]
    assert warnings == []


def test_the_server_would_warn(session):
    summary = session.run("EXPLAIN MATCH (user:Usr)-[:FOLOWS]->() RETURN user.userld").consume()
    assert len([status for status in summary.gql_status_objects if status.is_notification]) == 3


def test_names_are_paths_of_files():
    assert "candidates/friends_of_friends" in cypher.names()
    with pytest.raises(KeyError):
        cypher.load("candidates/no_such_thing")


def test_the_guide_holds_every_analyst_query_as_it_is_and_its_parameters():
    values = {name: f"'{name}'" for name in guide.PARAMETERS}
    page, text = html.unescape(guide.html(values, "http://here")), guide.asciidoc(values, "http://here")
    for name in cypher.names():
        if name.startswith("explore/"):
            query = "\n".join(line for line in cypher.load(name).splitlines() if not line.startswith("//"))
            assert f">\n{query}\n<" in page
            assert f"----\n{query}\n----" in text
            for parameter in set(re.findall(r"\$(\w+)", code(name))):
                before = page[: page.index(query)].rsplit("<slide", 1)[1]
                assert f":param {parameter} => '{parameter}'" in before
                assert f":param {parameter} => '{parameter}'" in text


def test_the_guide_says_what_a_parameter_is_where_nobody_is_known():
    assert ":param userId => '1'" in html.unescape(guide.html({}, "http://here"))


def test_the_browser_style_knows_every_label():
    style = (cypher.folder / "explore" / "entourage.grass").read_text("utf-8")
    drawn = {*schema.NODE_KEYS, schema.KEAK, schema.BEAT, schema.TRACK} - {schema.CONTENT}
    assert set(re.findall(r"node\.(\w+)", style)) == drawn
    assert set(re.findall(r"relationship\.(\w+)", style)) <= set(schema.RELATIONSHIPS)
