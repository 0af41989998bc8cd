"""What is an address of bitcoin's main network, and what is none. The bech32 ones are of BIP 173 and BIP 350."""

import pytest

from paya_app.providers.bitcoin_address import is_address

GOOD = [
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",  # of the first block
    "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
    "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
    "bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
]
BAD = [
    "",
    " ",
    "1",
    "bc1",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",  # one letter off
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7Divf",  # cut short
    "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLz",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
    "bc1qW508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",  # two cases in one
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",  # taproot with the older checksum
    "bc1pw5dgrnzv",  # a program of one byte
    "bc1zw508d6qejxtdg4y5r3zarvaryvqyzf3du",  # a version nobody can spend, with the older checksum
    "bc1gmk9yu",  # no program at all
    "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn",  # testnet
    "2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc",
    "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
    "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",  # regtest
    "ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9",  # litecoin
    "LM2WMpR1Rp6j3Sa59cMXMs1SPzj9eXpGc1",
    "DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L",  # dogecoin
    "0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe",  # ethereum
    "bitcoin:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    " 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa\n",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7Divf\u202ea",
    "1А1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",  # with a Cyrillic А
    "1" * 40,
    "bc1q" + "q" * 100_000,
    "nobody@getalby.com",
    "lnbc1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypq",  # a lightning invoice
]


@pytest.mark.parametrize("text", GOOD)
def test_an_address_of_the_main_network_is_one(text):
    assert is_address(text)


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_everything_else_is_none(text):
    assert not is_address(text)
