"""Typed payloads: validated at `enqueue`, stored as JSON, and the performer's own type again."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from typing_extensions import TypedDict

from kiribi import InvalidApplication, InvalidPayload, Performer
from kiribi.payloads import check_schema, encoded_for, fitting, schema_of

if TYPE_CHECKING:
    from kiribi.nowhere import Receipt  # pyright: ignore

LIMIT = 1_000_000


@dataclass
class Address:
    street: str
    since: date


@dataclass
class Customer:
    name: str
    addresses: list[Address] = field(default_factory=list)
    limit: Decimal = Decimal(0)


class Line(BaseModel):
    sku: str
    number: int = Field(gt=0, alias="qty")


class Order(BaseModel):
    id: UUID
    lines: tuple[Line, ...]
    customer: Customer
    state: Literal["new", "paid"] = "new"
    within: timedelta = timedelta(hours=1)


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    at: datetime
    n: int


class Account(BaseModel):
    user: str
    password: SecretStr = SecretStr("")


class Shape(TypedDict):
    width: int
    height: int


class TakesCustomer(Performer):
    async def perform(self, customer: Customer) -> Receipt: ...  # its own word for the payload


class TakesOrder(Performer):
    async def perform(self, payload: Order) -> None: ...


class TakesStrict(Performer):
    def perform(self, payload: Strict) -> None: ...


class TakesAccount(Performer):
    def perform(self, payload: Account) -> None: ...


class TakesShape(Performer):
    def perform(self, payload: Shape) -> None: ...


class TakesObject(Performer):
    def perform(self, payload: dict[str, Any]) -> None: ...


class TakesAnything(Performer):
    def perform(self, payload): ...


class TakesNothing(Performer):
    def perform(self, payload: None) -> None: ...


class TakesMaybe(Performer):
    def perform(self, payload: int | None) -> None: ...


CUSTOMER = Customer("Ann", [Address("Main St", date(2020, 2, 29))], Decimal("9.90"))
ORDER = Order(id=UUID(int=7), lines=(Line(sku="a", qty=2), Line(sku="b", qty=1)), customer=CUSTOMER)


@pytest.mark.parametrize(
    ("performer", "payload", "received"),
    [
        (TakesCustomer, CUSTOMER, CUSTOMER),
        (TakesCustomer, {"name": "Ann", "limit": 3}, Customer("Ann", limit=Decimal(3))),
        (TakesOrder, ORDER, ORDER),
        (
            TakesOrder,
            {
                "id": str(UUID(int=7)),
                "lines": [{"sku": "a", "qty": 2}, {"sku": "b", "qty": 1}],
                "customer": CUSTOMER,
            },
            ORDER,
        ),
        (
            TakesStrict,
            Strict(at=datetime(2030, 1, 1, tzinfo=UTC), n=1),
            Strict(at=datetime(2030, 1, 1, tzinfo=UTC), n=1),
        ),
        (
            TakesStrict,
            {"at": "2030-01-01T00:00:00Z", "n": 1},
            Strict(at=datetime(2030, 1, 1, tzinfo=UTC), n=1),
        ),
        (TakesShape, {"width": 1, "height": 2}, {"width": 1, "height": 2}),
        (TakesObject, {"any": [1]}, {"any": [1]}),
        (TakesAnything, [1, "two"], [1, "two"]),
        (TakesAnything, CUSTOMER.addresses[:0], []),
        (TakesNothing, None, None),
        (TakesMaybe, None, None),
        (TakesMaybe, 3, 3),
    ],
)
def test_the_performer_receives_its_own_type(
    performer: type[Performer], payload: Any, received: Any
) -> None:
    stored = json.loads(encoded_for(performer, payload, LIMIT))
    again = fitting(performer, stored)
    assert again == received
    assert type(again) is type(received)
    schema = schema_of(performer)
    if schema is not None:
        check_schema(performer.binding, schema, stored)


@dataclass
class Impostor:
    name: str


@pytest.mark.parametrize(
    ("performer", "payload", "place", "message"),
    [
        (TakesCustomer, {"nam": "Ann"}, "payload.name", "TAKES_CUSTOMER says: Field required"),
        (TakesCustomer, Impostor("Ann"), "payload", "dictionary or an instance of Customer"),
        (TakesCustomer, 3, "payload", "dictionary or an instance of Customer"),
        (
            TakesCustomer,
            {"name": "Ann", "addresses": [{"street": 1, "since": "soon"}]},
            "payload.addresses.0.street",
            "valid string (and 1 more)",
        ),
        (
            TakesOrder,
            ORDER.model_copy(update={"state": "lost"}),
            "payload.state",
            "'new' or 'paid'",
        ),
        (
            TakesOrder,
            {**ORDER.model_dump(by_alias=True), "lines": [{"sku": "a", "qty": 0}]},
            "payload.lines.0.qty",
            "greater than 0",
        ),
        (TakesStrict, {"at": "2030-01-01T00:00:00Z", "n": "1"}, "payload.at", "datetime"),
        (TakesShape, {"width": 1}, "payload.height", "Field required"),
        (TakesObject, [1], "payload", "TAKES_OBJECT takes an object"),
        (TakesObject, CUSTOMER, "payload", "TAKES_OBJECT takes an object"),
        (TakesNothing, 3, "payload", "Input should be None"),
        (TakesAccount, Account(user="a", password=SecretStr("p")), "payload", "masked"),
    ],
)
def test_refuses_and_names_the_field(
    performer: type[Performer], payload: Any, place: str, message: str
) -> None:
    with pytest.raises(InvalidPayload) as refusal:
        encoded_for(performer, payload, LIMIT)
    assert refusal.value.field == place
    assert message in str(refusal.value)


def test_a_secret_that_is_not_one_yet_is_fine() -> None:
    assert "a" in encoded_for(TakesAccount, {"user": "a"}, LIMIT)


def test_a_schema_stands_in_for_the_class() -> None:
    schema = schema_of(TakesOrder)
    assert schema is not None
    with pytest.raises(InvalidPayload) as refusal:
        check_schema("TAKES_ORDER", schema, {"id": "x", "lines": [], "customer": {"name": 1}})
    assert refusal.value.field == "payload.customer.name"
    assert "TAKES_ORDER says" in str(refusal.value)


def test_what_has_no_schema() -> None:
    assert schema_of(TakesAnything) is None
    assert schema_of(TakesObject) == {"type": "object"}


def test_an_annotation_nobody_can_resolve_says_so() -> None:
    @dataclass
    class Local:
        n: int

    class TakesLocal(Performer):
        def perform(self, payload: Local) -> None: ...

    with pytest.raises(InvalidApplication, match=r"TakesLocal\.perform.*name 'Local' is not"):
        schema_of(TakesLocal)


class Opaque:
    pass


class TakesOpaque(Performer):
    def perform(self, payload: Opaque) -> None: ...


def test_an_annotation_json_cannot_carry_says_so() -> None:
    with pytest.raises(InvalidApplication, match=r"TakesOpaque\.perform.*that JSON can carry"):
        encoded_for(TakesOpaque, Opaque(), LIMIT)


addresses = st.builds(Address, street=st.text(), since=st.dates())
customers = st.builds(
    Customer,
    name=st.text(),
    addresses=st.lists(addresses, max_size=3),
    limit=st.decimals(allow_nan=False, allow_infinity=False),
)


@given(customers)
def test_any_dataclass_comes_back(customer: Customer) -> None:
    assert fitting(TakesCustomer, json.loads(encoded_for(TakesCustomer, customer, LIMIT))) == (
        customer
    )
