"""What a user may choose: the base of every option class, so that all of them are checked the same way."""

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """Immutable, typed, bounded choices; an unknown key or a value of the wrong type is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
