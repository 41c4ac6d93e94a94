"""Pure decisions: state and command in, plan or error out; plan and durable bytes in, next state out."""
