"""One tree, made three ways: as the RFC defines it, by our code, and by the database's."""

import json
from hashlib import sha256

import psycopg
from hypothesis import given
from hypothesis import strategies as st

from paya_app.proof.merkle import Tree, leaf_hash, node_hash, root_from_path, root_of

leaf_lists = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70)


def by_definition(leaves):
    """RFC 6962, 2.1: split at the largest power of two below the size."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha256(b"\x01" + by_definition(leaves[:split]) + by_definition(leaves[split:])).digest()


def path_by_definition(leaves, index):
    """RFC 6962, 2.1.1."""
    if len(leaves) == 1:
        return []
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    if index < split:
        return [*path_by_definition(leaves[:split], index), by_definition(leaves[split:])]
    return [*path_by_definition(leaves[split:], index - split), by_definition(leaves[:split])]


def test_the_published_example():
    # the test tree of the certificate transparency project: eight leaves
    texts = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    root = root_of([leaf_hash(bytes.fromhex(text)) for text in texts])
    assert root.hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    assert root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@given(leaf_lists)
def test_our_tree_is_that_of_the_definition(leaves):
    tree = Tree()
    for count, leaf in enumerate(leaves, 1):
        nodes = tree.add(leaf)
        for level, index, node in nodes:
            assert node == by_definition(leaves[index << level : (index + 1) << level])
        assert (tree.size, tree.root()) == (count, by_definition(leaves[:count]))


@given(leaf_lists, st.data())
def test_a_path_leads_to_the_root_from_its_own_place_alone(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    path, root, size = path_by_definition(leaves, index), by_definition(leaves), len(leaves)
    assert root_from_path(leaves[index], index=index, size=size, path=path) == root
    assert root_from_path(leaves[index], index=index, size=size, path=[*path, root]) is None
    assert root_from_path(leaves[index], index=size, size=size, path=path) is None
    if path:
        assert root_from_path(leaves[index], index=index, size=size, path=path[:-1]) is None
        # an inner node cannot pass for a leaf: its path is too short for any place of this tree
        first = node_hash(leaves[index], path[0]) if index % 2 == 0 else node_hash(path[0], leaves[index])
        for place in range(size):
            assert root_from_path(first, index=place, size=size, path=path[1:]) != root


def test_the_databases_tree_is_the_same_at_every_size(database):
    with psycopg.connect(database.url("supabase_admin")) as connection:

        def value(statement, *parameters):
            return connection.execute(statement, parameters).fetchall()[0][0]

        for size in range(71):
            leaves = [sha256(bytes([size, n])).digest() for n in range(size)]
            assert value("select proof.merkle_root(%s::bytea[])", leaves) == root_of(leaves)
            for index in range(size):
                path = value("select proof.merkle_path(%s::bytea[], %s)", leaves, index)
                assert path == path_by_definition(leaves, index)


def test_the_databases_log_gives_every_path_at_every_size(database):
    hashes = [sha256(bytes([n])).digest() for n in range(70)]
    tree = Tree()
    with psycopg.connect(database.url("supabase_admin")) as connection:
        for n, leaf in enumerate(hashes, 1):
            connection.execute(
                """insert into proof.seal
                select %s, 1, %s::text::xid8, %s::text::xid8, 1, 0, %s, 0, %s, %s, now(), %s, %s""",
                (n, str(n), str(n + 1), n, leaf, leaf, leaf, leaf),
            )
            for node in tree.add(leaf):
                connection.execute("insert into proof.node values (%s, %s, %s)", node)
        for size in range(1, 71):
            row = connection.execute(
                """select proof.log_range(0, %(size)s),
                  array_agg(array_to_json(proof.log_path(i, %(size)s))::text order by i)
                from generate_series(0, %(size)s - 1) i""",
                {"size": size},
            ).fetchall()[0]
            assert row[0] == by_definition(hashes[:size])
            paths = [[bytes.fromhex(node[2:]) for node in json.loads(path)] for path in row[1]]
            assert paths == [path_by_definition(hashes[:size], index) for index in range(size)]
