"""The only types a stored estimator may be made of.

A constant: nothing read from a package, a setting or an entry point adds to it. Each entry is
module, name and the skops loader that may build it.
"""

from __future__ import annotations

_HISTOGRAM = "sklearn.ensemble._hist_gradient_boosting"

TRUSTED: frozenset[tuple[str, str, str]] = frozenset(
    {
        ("builtins", "dict", "DictNode"),
        ("builtins", "int", "TypeNode"),
        ("builtins", "list", "ListNode"),
        ("builtins", "slice", "SliceNode"),
        ("builtins", "str", "JsonNode"),
        ("builtins", "str", "TypeNode"),
        ("builtins", "tuple", "TupleNode"),
        ("functools", "partial", "PartialNode"),
        ("numpy", "dtype", "DTypeNode"),
        ("numpy", "float64", "NdArrayNode"),
        ("numpy", "float64", "TypeNode"),
        ("numpy", "int64", "NdArrayNode"),
        ("numpy", "ndarray", "NdArrayNode"),
        ("numpy", "uint64", "NdArrayNode"),
        ("numpy.random._generator", "Generator", "RandomGeneratorNode"),
        ("sklearn._loss._loss", "CyAbsoluteError", "LossNode"),
        ("sklearn._loss._loss", "CyHalfBinomialLoss", "LossNode"),
        ("sklearn._loss._loss", "CyHalfMultinomialLoss", "LossNode"),
        ("sklearn._loss._loss", "CyHalfSquaredError", "LossNode"),
        ("sklearn._loss._loss", "CyPinballLoss", "LossNode"),
        ("sklearn._loss.link", "IdentityLink", "ObjectNode"),
        ("sklearn._loss.link", "Interval", "ObjectNode"),
        ("sklearn._loss.link", "LogitLink", "ObjectNode"),
        ("sklearn._loss.link", "MultinomialLogit", "ObjectNode"),
        ("sklearn._loss.loss", "AbsoluteError", "ObjectNode"),
        ("sklearn._loss.loss", "HalfBinomialLoss", "ObjectNode"),
        ("sklearn._loss.loss", "HalfMultinomialLoss", "ObjectNode"),
        ("sklearn._loss.loss", "HalfSquaredError", "ObjectNode"),
        ("sklearn._loss.loss", "PinballLoss", "ObjectNode"),
        ("sklearn.compose._column_transformer", "ColumnTransformer", "ObjectNode"),
        ("sklearn.ensemble._forest", "RandomForestClassifier", "ObjectNode"),
        ("sklearn.ensemble._forest", "RandomForestRegressor", "ObjectNode"),
        (f"{_HISTOGRAM}.binning", "_BinMapper", "ObjectNode"),
        (f"{_HISTOGRAM}.gradient_boosting", "HistGradientBoostingClassifier", "ObjectNode"),
        (f"{_HISTOGRAM}.gradient_boosting", "HistGradientBoostingRegressor", "ObjectNode"),
        (f"{_HISTOGRAM}.predictor", "TreePredictor", "ObjectNode"),
        ("sklearn.impute._base", "MissingIndicator", "ObjectNode"),
        ("sklearn.impute._base", "SimpleImputer", "ObjectNode"),
        ("sklearn.linear_model._logistic", "LogisticRegression", "ObjectNode"),
        ("sklearn.linear_model._ridge", "Ridge", "ObjectNode"),
        ("sklearn.pipeline", "Pipeline", "ObjectNode"),
        ("sklearn.preprocessing._data", "MinMaxScaler", "ObjectNode"),
        ("sklearn.preprocessing._data", "QuantileTransformer", "ObjectNode"),
        ("sklearn.preprocessing._data", "StandardScaler", "ObjectNode"),
        ("sklearn.preprocessing._encoders", "OneHotEncoder", "ObjectNode"),
        ("sklearn.preprocessing._encoders", "OrdinalEncoder", "ObjectNode"),
        ("sklearn.preprocessing._function_transformer", "FunctionTransformer", "ObjectNode"),
        ("sklearn.preprocessing._label", "LabelEncoder", "ObjectNode"),
        ("sklearn.tree._classes", "DecisionTreeClassifier", "ObjectNode"),
        ("sklearn.tree._classes", "DecisionTreeRegressor", "ObjectNode"),
        ("sklearn.tree._tree", "Tree", "TreeNode"),
        ("sklearn.utils.validation", "check_array", "FunctionNode"),
    }
)
