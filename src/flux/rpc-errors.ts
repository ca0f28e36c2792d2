export type RpcErrorCode =
  /** The daemon answered with an error. */
  | 'FLUX_RPC_REMOTE'
  /** The daemon is too old to know the method. */
  | 'FLUX_RPC_NO_METHOD'
  /** No answer in time; one that comes later is ignored. */
  | 'FLUX_RPC_TIMEOUT'
  /** The connection ended, or had ended before the call. */
  | 'FLUX_RPC_CLOSED'
  /** The peer does not speak JSON-RPC, or too much of it at once; the connection is of no more use. */
  | 'FLUX_RPC_PROTOCOL'

/** Why a call to a daemon has no result; `code` tells the cases apart, the message is for people. */
export class RpcError extends Error {
  override readonly name = 'RpcError'
  readonly code: RpcErrorCode

  constructor(code: RpcErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
