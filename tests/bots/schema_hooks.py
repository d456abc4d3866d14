"""What schemathesis asks before each call: values in paths that stand for something. A deletion gets a thing that was made to be deleted
where there is one, and else the made-up value, so that the other things stay for the rest of the run."""

import json
import os

import schemathesis

# By "METHOD path name", "METHOD name" or just the name, the first of these that is there.
THINGS = json.loads(os.environ["HEARTH_THINGS"])


def meant(method, path, name, value):
    for key in (f"{method} {path} {name}", f"{method} {name}"):
        if key in THINGS:
            return THINGS[key]
    goes = method == "DELETE" and path.rindex("{") == path.index("{" + name + "}")
    return value if goes else THINGS.get(name, value)


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    operation = context.operation
    if operation is None or not path_parameters:
        return path_parameters
    method = operation.method.upper()
    return {name: meant(method, operation.path, name, value) for name, value in path_parameters.items()}
