extension TokenProvider.RevocationFeed {
    /// Reads the `revocations` of an AuthenticationPolicy.
    static func read(_ object: ObjectReader, namespace: String) -> Located<TokenProvider.RevocationFeed>? {
        var feed = object
        let uri = feed.string("uri", required: true)
        let interval = feed.duration("interval", in: 100...2_000)
        let timeout = feed.duration("timeout", in: 100...10_000)
        let authorities = feed.object("caConfigMapRef").flatMap {
            TokenProvider.KeySetReference.mapKey($0, namespace)
        }
        feed.finish()
        guard let uri else { return nil }
        if let problem = TokenProvider.KeySetReference.problem(ofURI: uri.value) {
            feed.sink.error(at: uri.place, problem)
        } else if uri.value.contains("?") {
            feed.sink.error(at: uri.place, "must not have a query: the gateway asks with its own")
        }
        return Located(
            TokenProvider.RevocationFeed(
                uri: uri.value, authorities: authorities, intervalMilliseconds: interval?.value ?? 1_000,
                timeoutMilliseconds: timeout?.value ?? 2_000),
            at: uri.place)
    }
}
