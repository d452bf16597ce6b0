"""What a user may choose: the base of every option class, so that all of them are checked the same way."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Size = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0.0)]
NotNegative = Annotated[float, Field(ge=0.0)]
Probability = Annotated[float, Field(ge=0.0, lt=1.0)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""What every generator of random numbers takes: some refuse a negative one, some one of more than 31 bits."""


class Options(BaseModel):
    """Immutable, typed, bounded choices; an unknown key or a value of the wrong type is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
