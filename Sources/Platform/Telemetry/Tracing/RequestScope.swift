/// The request that the current task works for.
///
/// A server binds it around a request's handler (`RequestScope.$current.withValue(scope) { … }`). Log lines then carry
/// its ids by themselves, and HTTP clients hand `requestID` and a child of `trace` on.
public struct RequestScope: Sendable, Hashable {
    /// The value of `x-request-id`.
    public let requestID: String

    /// The span of this process for the request.
    public let trace: TraceContext

    public init(requestID: String, trace: TraceContext) {
        self.requestID = requestID
        self.trace = trace
    }

    @TaskLocal public static var current: RequestScope?
}

extension TraceContext {
    /// The trace context of the request that the current task works for.
    public static var current: TraceContext? { RequestScope.current?.trace }
}
