"""The stand-in for matching: starts tasks by ``key`` on the first node that has room."""


def decider(functions, hello):
    def decide(state):
        for task in sorted(state.ready.values(), key=lambda t: (functions["key"](t), t.id)):
            for node in state.nodes:
                if state.fits(task, node):
                    state.start(task, node)
                    break

    return decide
