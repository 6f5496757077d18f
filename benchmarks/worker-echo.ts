/** The bare other end of a call: a forked process that answers over Node's own channel. */
process.on("message", (message: { readonly input: unknown }) => process.send?.({ output: message.input }));
