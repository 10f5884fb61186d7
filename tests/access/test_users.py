"""Signing up, and checking a password."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.access.errors import EmailTaken, TooManyLogins, WrongCredentials
from app.access.passwords import WAITING_MAX, Passwords
from app.access.users import authenticate, checked_email, create_user
from app.errors import AppError, Invalid

Maker = async_sessionmaker[AsyncSession]
EMAIL, PASSWORD = "ada@example.org", "correct horse"


class Counted(Passwords):
    """The real thing, which notes what was checked."""

    def __init__(self) -> None:
        super().__init__()
        self.checked: list[str] = []

    async def fits(self, hashed: str, password: str) -> bool:
        """Notes the hash and checks it."""
        self.checked.append(hashed)
        return await super().fits(hashed, password)


async def sign_up(maker: Maker, email: str = EMAIL) -> int:
    async with maker() as session:
        user = await create_user(session, email, PASSWORD)
        await session.commit()
        return user.id


async def kept_hash(maker: Maker) -> str:
    async with maker() as session:
        return (await session.execute(text("SELECT password_hash FROM users"))).scalar_one()


async def test_a_user_signs_up_in_any_case_and_is_kept_in_lower_case(session_maker: Maker):
    async with session_maker() as session:
        user = await create_user(session, "Ada@Example.ORG", PASSWORD, role="operator")
        await session.commit()
    assert (user.email, user.role, user.tier) == (EMAIL, "operator", "free")
    assert PASSWORD not in await kept_hash(session_maker)


async def test_an_address_signs_up_once_even_when_two_try_at_once(session_maker: Maker):
    outcomes = await asyncio.gather(
        *(sign_up(session_maker, email) for email in (EMAIL, EMAIL.upper(), EMAIL)),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "EmailTaken",
        "EmailTaken",
        "int",
    ]


async def test_a_taken_address_is_a_conflict(session_maker: Maker):
    await sign_up(session_maker)
    async with session_maker() as session:
        with pytest.raises(EmailTaken) as raised:
            await create_user(session, EMAIL, PASSWORD)
    assert raised.value.status == 409


@pytest.mark.parametrize(
    ("email", "password", "fields"),
    [
        ("", PASSWORD, ["email"]),
        ("ada", PASSWORD, ["email"]),
        ("ada@localhost", PASSWORD, ["email"]),
        ("ada@example.org\n", PASSWORD, ["email"]),
        ("a\0da@example.org", PASSWORD, ["email"]),
        ("a@b@example.org", PASSWORD, ["email"]),
        ("ädä@example.org", PASSWORD, ["email"]),
        ("a" * 65 + "@example.org", PASSWORD, ["email"]),
        ("a@" + "b." * 126 + "org", PASSWORD, ["email"]),
        (EMAIL, "1234567", ["password"]),
        (EMAIL, "x" * 257, ["password"]),
        ("ada", "", ["email", "password"]),
    ],
)
def test_everything_that_is_wrong_is_named_at_once(email: str, password: str, fields: list[str]):
    with pytest.raises(Invalid) as raised:
        checked_email(email, password)
    assert [error.field for error in raised.value.errors] == fields


@pytest.mark.parametrize("password", ["x" * 8, "x" * 256, "zażółć gęślą jaźń"])
def test_passwords_within_the_bounds_are_taken(password: str):
    assert checked_email(EMAIL, password) == EMAIL


async def test_the_right_password_finds_the_user(session_maker: Maker):
    user_id = await sign_up(session_maker)
    async with session_maker() as session:
        user = await authenticate(session, "ADA@example.org", PASSWORD)
    assert user.id == user_id


async def refusal_of(
    maker: Maker, email: str, password: str, passwords: Passwords
) -> tuple[type[AppError], str]:
    async with maker() as session:
        with pytest.raises(AppError) as raised:
            await authenticate(session, email, password, passwords=passwords)
    return type(raised.value), raised.value.detail


async def test_an_unknown_address_and_a_wrong_password_look_and_cost_the_same(
    session_maker: Maker,
):
    await sign_up(session_maker)
    passwords = Counted()
    known = await refusal_of(session_maker, EMAIL, "not the one", passwords)
    unknown = await refusal_of(session_maker, "eve@example.org", PASSWORD, passwords)
    no_address = await refusal_of(session_maker, "nonsense", PASSWORD, passwords)
    assert known == unknown == no_address
    assert known[0] is WrongCredentials
    assert passwords.checked == [
        await kept_hash(session_maker),
        passwords.nobody,
        passwords.nobody,
    ]


async def test_nobodys_hash_has_the_parameters_of_a_real_one():
    passwords = Passwords()
    real = await passwords.hash(PASSWORD)
    assert [len(part) for part in passwords.nobody.split("$")] == [
        len(part) for part in real.split("$")
    ]
    assert not passwords.is_outdated(passwords.nobody)
    assert not await passwords.fits(passwords.nobody, PASSWORD)


async def test_a_user_who_is_switched_off_is_nobody(session_maker: Maker):
    await sign_up(session_maker)
    async with session_maker() as session:
        await session.execute(text("UPDATE users SET disabled_at = now()"))
        await session.commit()
        with pytest.raises(WrongCredentials):
            await authenticate(session, EMAIL, PASSWORD)


async def test_a_hash_with_older_parameters_is_made_anew_at_the_next_log_in(
    session_maker: Maker,
):
    await sign_up(session_maker)
    old = await Passwords(memory_kib=1024, passes=1).hash(PASSWORD)
    async with session_maker() as session:
        await session.execute(text("UPDATE users SET password_hash = :old"), {"old": old})
        await session.commit()
    async with session_maker() as session:
        await authenticate(session, EMAIL, PASSWORD)
        await session.commit()
    new = await kept_hash(session_maker)
    assert new != old
    assert not Passwords().is_outdated(new)
    async with session_maker() as session:
        await authenticate(session, EMAIL, PASSWORD)
    assert await kept_hash(session_maker) == new


async def test_more_passwords_than_the_queue_takes_are_turned_away():
    passwords = Passwords(memory_kib=1024, passes=1)
    outcomes = await asyncio.gather(
        *(passwords.hash(PASSWORD) for _ in range(WAITING_MAX + 5)), return_exceptions=True
    )
    assert sum(isinstance(outcome, TooManyLogins) for outcome in outcomes) == 5
    assert await passwords.fits(str(outcomes[0]), PASSWORD)
