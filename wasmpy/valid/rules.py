"""The rules of validation in words.

What belongs here: for each name that ``InvalidError.rule`` can have, what the
rule asks for and where the specification states it.  What does not: the rules
themselves (``instr``, ``control``, ``module`` and others).

An instruction whose stack type stands in the table has its words from there;
the others, and what is no instruction, are written out.

Spec: ``valid/index.html``.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Tuple

from wasmpy.isa.derived import BY_MNEMONIC
from wasmpy.isa.table import Instr
from wasmpy.syntax.types import result_text


class RuleText(NamedTuple):
    """A rule in words, and its place in the core specification."""

    name: str
    text: str
    anchor: str


_MODULES, _TYPES = "valid/modules.html#valid-", "valid/types.html#valid-"

_OTHERS: Dict[str, Tuple[str, str]] = {
    "module": (
        "A module without the feature for several has at most one memory and one table.",
        "valid/modules.html#valid-module",
    ),
    "import": ("What is imported has a valid type; before mutable globals were added, an imported "
               "global cannot be written.", _MODULES + "import"),
    "export": ("An export names something that exists in its index space, and no two exports have "
               "the same name.", _MODULES + "export"),
    "start": ("The start function exists, takes nothing and gives nothing.", _MODULES + "start"),
    "func": ("A function has a function type, and its parameters and locals together are no more "
             "than the limit.", _MODULES + "func"),
    "table": ("A table whose elements cannot be null says what they are at the beginning.",
              _MODULES + "table"),
    "elem": ("The table of an active segment exists and its element type takes the segment's; the "
             "offset has the table's address type and is constant; every element is constant and "
             "of the segment's type.", _MODULES + "elem"),
    "data": ("The memory of an active segment exists; the offset has its address type and is "
             "constant.", _MODULES + "data"),
    "functype": ("A type index names a function type; before several results were added, it has "
                 "one at most.", _TYPES + "functype"),
    "tagtype": ("The type of a tag is a function type that gives nothing.", _TYPES + "tagtype"),
    "tabletype": ("A table's minimum is not above its maximum, and neither is above what its "
                  "address type can count.", _TYPES + "tabletype"),
    "memtype": ("A memory's minimum is not above its maximum, and neither is above what its "
                "address type can address; a shared memory has a maximum; pages have a size that "
                "is allowed.", _TYPES + "memtype"),
    "heaptype": ("A heap type is an abstract one or the index of a type that exists.",
                 _TYPES + "heaptype"),
    "subtype": ("A type is declared below one type at most, which stands before it, is not final, "
                "and has a composite type that its own matches.", _TYPES + "subtype"),
    "branch_hint": ("A branch hint is attached to an if or a br_if.",
                    "metadata/code/binary.html#branch-hints"),
    "": ("The instruction exists and its feature is on; the body ends where its outermost block "
         "ends.", "valid/instructions.html#expressions"),
}  # fmt: skip
"""The rules that are no instruction's: words and anchor."""

_LABEL = "The label exists and what it carries lies on top of the stack"
_FIELD = "The type is a structure and the field exists in it"
_ARRAY = "The type is an array"
_PLAIN_OPERANDS = " What is packed is read by the forms with a sign, all else by the one without."

_WORDS: Dict[str, str] = {
    "unreachable": "Takes and gives what is asked for: nothing after it in the block is reached.",
    "block": "Its parameters lie on the stack; inside there is nothing else; at its end its "
             "results lie on the stack and nothing else.",
    "loop": "As a block; a branch to it carries its parameters.",
    "if": "As a block, with an i32 above its parameters; without an else its parameters are its "
          "results.",
    "else": "It belongs to an if; the first arm leaves the results of the if and nothing else.",
    "end": "The results of the block lie on the stack and nothing else; an if without else has "
           "the same parameters and results.",
    "try_table": "As a block; the label of each clause takes the values of its tag, and the "
                 "exception itself where the clause asks for it.",
    "throw": "The tag exists and the values of its type lie on the stack.",
    "throw_ref": "A reference to an exception lies on the stack.",
    "br": f"{_LABEL}.",
    "br_if": f"{_LABEL}, under an i32; it is left there.",
    "br_table": f"{_LABEL}, under an i32; this holds of every label, and all carry as many values.",
    "return": "The results of the function lie on top of the stack.",
    "call": "The function exists and its parameters lie on the stack.",
    "call_indirect": "The table exists and holds functions, the type is a function type, and its "
                     "parameters lie on the stack under the table's address type.",
    "call_ref": "The type is a function type; its parameters lie on the stack under a reference "
                "to it.",
    "return_call": "As call; the results of the callee match those of the function.",
    "return_call_indirect": "As call_indirect; the results of the callee match those of the "
                            "function.",
    "return_call_ref": "As call_ref; the results of the callee match those of the function.",
    "drop": "There is a value on the stack.",
    "select": "An i32 lies on two values of the same type: a number or vector, unless the type "
              "is written, which is then one type.",
    "local.get": "The local exists, and has a value already.",
    "local.set": "The local exists and a value of its type lies on the stack.",
    "local.tee": "The local exists and a value of its type lies on the stack; it is left there.",
    "global.get": "The global exists; in a constant expression it was defined before and cannot "
                  "be written.",
    "global.set": "The global exists and can be written, and a value of its type lies on the "
                  "stack.",
    "table.get": "The table exists and an index of its address type lies on the stack.",
    "table.set": "The table exists; a reference of its type lies on an index of its address type.",
    "table.grow": "The table exists; a number of its address type lies on a reference of its "
                  "type.",
    "table.fill": "The table exists; a number lies on a reference of its type on an index.",
    "ref.null": "The heap type exists.",
    "ref.is_null": "A reference lies on the stack.",
    "ref.as_non_null": "A reference lies on the stack.",
    "br_on_null": f"{_LABEL}, under a reference.",
    "br_on_non_null": "The label carries a reference last, which a reference on the stack matches "
                      "if it is not null; the rest lies under it.",
    "br_on_cast": "The label carries a reference last; the target type matches the source type "
                  "and what the label carries, and a reference of the source type is there.",
    "br_on_cast_fail": "As br_on_cast, the label taking what is left of the source type.",
    "ref.test": "A reference lies on the stack whose type and the target type have a common root.",
    "ref.cast": "A reference lies on the stack whose type and the target type have a common root.",
    "any.convert_extern": "An external reference lies on the stack.",
    "extern.convert_any": "An internal reference lies on the stack.",
    "struct.new": "The type is a structure and a value of each field lies on the stack.",
    "struct.new_default": "The type is a structure and each field has a default value.",
    "struct.get": f"{_FIELD}; a reference to it lies on the stack." + _PLAIN_OPERANDS,
    "struct.get_s": f"{_FIELD}; a reference to it lies on the stack." + _PLAIN_OPERANDS,
    "struct.get_u": f"{_FIELD}; a reference to it lies on the stack." + _PLAIN_OPERANDS,
    "struct.set": f"{_FIELD} and can be written; a value of it lies on a reference to the type.",
    "array.new": f"{_ARRAY}; a length lies on a value of its element type.",
    "array.new_default": f"{_ARRAY} whose elements have a default value; a length lies on the "
                         "stack.",
    "array.new_fixed": f"{_ARRAY}; as many values of its element type lie on the stack as are "
                       "written.",
    "array.new_data": f"{_ARRAY} of numbers or vectors, the data segment exists, and an offset "
                      "and a length lie on the stack.",
    "array.new_elem": f"{_ARRAY} of references that the element segment matches; an offset and a "
                      "length lie on the stack.",
    "array.get": f"{_ARRAY}; an index lies on a reference to it." + _PLAIN_OPERANDS,
    "array.get_s": f"{_ARRAY}; an index lies on a reference to it." + _PLAIN_OPERANDS,
    "array.get_u": f"{_ARRAY}; an index lies on a reference to it." + _PLAIN_OPERANDS,
    "array.set": f"{_ARRAY} that can be written; a value lies on an index on a reference to it.",
    "array.fill": f"{_ARRAY} that can be written; a length lies on a value, an index and a "
                  "reference.",
    "array.copy": "Both types are arrays, the first can be written, and elements of the second "
                  "match its own; a length, an index, a reference, an index, a reference lie on "
                  "the stack.",
    "array.init_data": f"{_ARRAY} of numbers or vectors that can be written and the data segment "
                       "exists; a length, an offset, an index and a reference lie on the stack.",
    "array.init_elem": f"{_ARRAY} that can be written, of references that the element segment "
                       "matches; a length, an offset, an index and a reference lie on the stack.",
}  # fmt: skip
"""The instructions whose stack type depends on something, in words."""


def instruction_words(row: Instr) -> str:
    """What an instruction asks for, in words: written out, or by the table."""
    written = _WORDS.get(row.mnemonic)
    if written is not None:
        return written
    if row.params is None or row.results is None:
        return "Its stack type depends on its immediates and on where it stands."
    text = f"Its type is {result_text(row.params)} -> {result_text(row.results)}."
    if "memarg" in row.immediates:
        text += " The memory exists, and the alignment is no more than the natural one."
        text = text.replace("[i32", "[(its address type)", 1) if row.params else text
    return text


def rule_text(name: str) -> RuleText:
    """The rule called ``name``.  Raises: KeyError for a name that is none.

    >>> rule_text("i32.add").text
    'Its type is [i32 i32] -> [i32].'
    """
    if name in _OTHERS:
        return RuleText(name, *_OTHERS[name])
    row = BY_MNEMONIC[name][0]
    anchor = "valid/instructions.html#valid-" + name.replace("_", "-").replace(".", "-")
    if row.numeric is not None:
        anchor = "valid/instructions.html#numeric-instructions"
    elif row.access is not None:
        anchor = "valid/instructions.html#memory-instructions"
    return RuleText(name, instruction_words(row), anchor)


def rule_names() -> List[str]:
    """Every name that a rule can have."""
    return sorted({*_OTHERS, *BY_MNEMONIC})
