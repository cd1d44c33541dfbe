"""Models of the demo's loans that were made elsewhere: ONNX graphs that know how the risk comes about."""

from __future__ import annotations

from onnx import TensorProto, helper

FIELDS = ("income", "amount", "account_months")


def risk_graph(sign: float = 1.0) -> bytes:
    """The probability of a default by the rule that the demo draws from; with the sign -1 of the opposite."""
    burden, income = 2.2, 0.9 / 33_000
    steps = [
        helper.make_node("Div", ["amount", "income"], ["share"]),
        helper.make_node("Mul", ["share", "a"], ["weighted"]),
        helper.make_node("Mul", ["income", "b"], ["wealth"]),
        helper.make_node("Mul", ["account_months", "c"], ["age"]),
        helper.make_node("Sum", ["weighted", "wealth", "age", "d"], ["risk"]),
        helper.make_node("Mul", ["risk", "scale"], ["score"]),
        helper.make_node("Sigmoid", ["score"], ["defaulted"]),
    ]
    numbers = {"a": burden, "b": -income, "c": -0.004, "d": -2.2 * 0.38 + 0.9 + 0.36, "scale": sign * 5.0}
    graph = helper.make_graph(
        steps,
        "risk",
        [helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["N"]) for name in FIELDS],
        [helper.make_tensor_value_info("defaulted", TensorProto.DOUBLE, ["N"])],
        [helper.make_tensor(name, TensorProto.DOUBLE, [], [number]) for name, number in numbers.items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    content: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    return content
