public import Hummingbird

/// What Hummingbird keeps about a request of ours; everything else is in ``Call``.
public struct ServiceRequestContext: RequestContext {
    public var coreContext: CoreRequestContextStorage

    public init(source: ApplicationRequestContextSource) { coreContext = CoreRequestContextStorage(source: source) }
}
