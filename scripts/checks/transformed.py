"""template.yaml as CloudFormation gets it: through SAM's own transform, with the parameters put in."""

import os
import pathlib
import re

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
ACCOUNT = "123456789012"
NOTHING = object()


class NoPolicies:
    """SAM looks managed policies up by name; the template names none."""

    def load(self):
        return {}


def source():
    """As written, with CloudFormation's short forms spelt out."""
    return yaml_parse((ROOT / "template.yaml").read_text())


class Stack:
    """One stack's resources, outputs and conditions, with every parameter put in. References to resources read as `<Table>` and `<Table.Arn>`."""

    def __init__(self, name, **given):
        template = source()
        # SAM reads code's place; `sam build` puts it in.
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                resource["Properties"]["CodeUri"] = "s3://code/function.zip"
        parameters = {key: one.get("Default") for key, one in template["Parameters"].items()}
        unknown = set(given) - set(parameters)
        assert not unknown, f"no parameters of the template: {unknown}"
        parameters |= given
        missing = [key for key, value in parameters.items() if value is None]
        assert not missing, f"parameters without a value: {missing}"
        for key, one in template["Parameters"].items():
            refused = "AllowedPattern" in one and not re.search(one["AllowedPattern"], str(parameters[key]))
            assert not refused and str(parameters[key]) in map(str, one.get("AllowedValues", [parameters[key]])), f"{key}={parameters[key]} is refused"
        self.name = name
        self.values = {
            "AWS::StackName": name, "AWS::Region": "eu-west-1", "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": NOTHING,
        }
        for key, value in parameters.items():
            is_list = template["Parameters"][key]["Type"] == "CommaDelimitedList"
            self.values[key] = str(value).split(",") if is_list else str(value)
        processed = transform(template, dict(parameters), NoPolicies())
        self.conditions = processed.get("Conditions", {})
        self.names = set(processed["Resources"])
        self.resources = {key: self.put_in(one) for key, one in processed["Resources"].items() if self.holds(one)}
        self.outputs = {key: self.put_in(one)["Value"] for key, one in processed["Outputs"].items() if self.holds(one)}
        self.rules = processed.get("Rules", {})

    def of_type(self, kind):
        """Resources of a type, by their logical ids."""
        return {key: one for key, one in self.resources.items() if one["Type"] == kind}

    def holds(self, resource):
        return "Condition" not in resource or self.condition(resource["Condition"])

    def condition(self, name):
        return self.put_in(self.conditions[name]) in (True, "true")

    def refused(self):
        """What the rules say against these parameters."""
        said = []
        for rule in self.rules.values():
            if self.put_in(rule.get("RuleCondition", True)) is True:
                said += [one["AssertDescription"] for one in rule["Assertions"] if self.put_in(one["Assert"]) is not True]
        return said

    def put_in(self, value):
        """The value with its intrinsic functions carried out."""
        if isinstance(value, list):
            return [one for one in map(self.put_in, value) if one is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((key, of),) = value.items()
            if key == "Ref" or key.startswith("Fn::"):
                return getattr(self, "_" + key.rpartition(":")[2].lower())(of)
        put = {key: self.put_in(one) for key, one in value.items()}
        return {key: one for key, one in put.items() if one is not NOTHING}

    def _ref(self, name):
        if name in self.values:
            return self.values[name]
        assert name in self.names, f"a reference to {name}, which is not there"
        return f"<{name}>"

    def _getatt(self, of):
        name = of if isinstance(of, str) else ".".join(of)
        assert name.split(".")[0] in self.names, f"a reference to {name}, which is not there"
        return f"<{name}>"

    def _sub(self, of):
        text, own = (of, {}) if isinstance(of, str) else (of[0], self.put_in(of[1]))

        def one(found):
            name = found.group(1)
            return str(own[name] if name in own else self._getatt(name) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^}!]+)\}", one, text)

    def _if(self, of):
        name, yes, no = of
        return self.put_in(yes if self.condition(name) else no)

    def _equals(self, of):
        one, other = self.put_in(of)
        return str(one) == str(other)

    def _not(self, of):
        return not self.put_in(of)[0]

    def _or(self, of):
        return any(self.condition(one["Condition"]) for one in of)

    def _join(self, of):
        glue, parts = of
        return glue.join(self.put_in(parts))

    def _select(self, of):
        at, parts = of
        return self.put_in(parts)[int(at)]

    def _split(self, of):
        glue, text = of
        return self.put_in(text).split(glue)
