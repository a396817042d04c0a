extension TokenProvider.KeySetReference {
    /// Reads the `keySet` of an AuthenticationPolicy.
    static func read(_ object: ObjectReader, namespace: String) -> Located<TokenProvider.KeySetReference>? {
        var keySet = object
        let configMap = keySet.object("configMapRef")
        let secret = keySet.object("secretRef")
        let file = keySet.string("file")
        let uri = keySet.string("uri")
        let authorities = keySet.object("caConfigMapRef").flatMap { mapKey($0, namespace) }
        let timeout = keySet.duration("timeout", in: 100...60_000)
        let stale = keySet.integer("staleSeconds", in: 0...604_800)
        keySet.finish()
        let stated = [configMap != nil, secret != nil, file != nil, uri != nil].count { $0 }
        guard stated == 1 else {
            keySet.sink.error(at: keySet.place, "needs exactly one of configMapRef, secretRef, file and uri")
            return nil
        }
        if uri == nil, authorities != nil || timeout != nil || stale != nil {
            keySet.sink.error(at: keySet.place, "caConfigMapRef, timeout and staleSeconds are only for a uri")
        }
        if let configMap {
            return mapKey(configMap, namespace).map {
                Located(.configMap(name: $0.name, key: $0.key), at: configMap.place)
            }
        }
        if let secret {
            return mapKey(secret, namespace).map { Located(.secret(name: $0.name, key: $0.key), at: secret.place) }
        }
        if let file {
            if !file.value.hasPrefix("/") { keySet.sink.error(at: file.place, "must be an absolute path") }
            return Located(.file(path: file.value), at: file.place)
        }
        guard let uri else { return nil }
        if let problem = problem(ofURI: uri.value) { keySet.sink.error(at: uri.place, problem) }
        return Located(
            .remote(
                TokenProvider.RemoteKeySet(
                    uri: uri.value, authorities: authorities, timeoutMilliseconds: timeout?.value ?? 5_000,
                    staleSeconds: stale?.value ?? 86_400)),
            at: uri.place)
    }

    static func mapKey(_ object: ObjectReader, _ namespace: String) -> TokenProvider.ConfigMapKey? {
        var object = object
        let name = object.objectName("name", required: true)
        let key = object.string("key", required: true)
        object.finish()
        guard let name, let key else { return nil }
        return TokenProvider.ConfigMapKey(name: "\(namespace)/\(name.value)", key: key.value)
    }

    /// Keys decide who is let in: whoever answers must be the issuer. Without TLS only this machine and names of the
    /// cluster will do, where the network is what is trusted.
    static func problem(ofURI uri: String) -> String? {
        guard uri.utf8.count <= 2_048, uri.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            return "must be a URI of visible ASCII"
        }
        let isTLS = uri.hasPrefix("https://")
        guard isTLS || uri.hasPrefix("http://") else { return "must begin with https://" }
        let authority = uri.dropFirst(isTLS ? 8 : 7).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        if authority.isEmpty { return "has no host" }
        if authority.contains("@") { return "must not hold a user or a password" }
        if uri.contains("#") { return "must not have a fragment" }
        if isTLS { return nil }
        let host =
            authority.hasPrefix("[") ? authority.dropFirst().prefix { $0 != "]" } : authority.prefix { $0 != ":" }
        let isNear =
            host == "localhost" || host == "::1" || isLoopback(String(host)) || isShortName(host)
            || host.hasSuffix(".svc") || host.hasSuffix(".svc.cluster.local")
        return isNear ? nil : "must begin with https://; http:// is only for this machine and names of the cluster"
    }

    /// A name of one label, and no address: neither IPv6 nor a number, which inet_aton(3) reads as IPv4 without a dot.
    private static func isShortName(_ host: Substring) -> Bool {
        host.first?.isLetter == true && !host.contains(".") && !host.contains(":")
    }

    private static func isLoopback(_ host: String) -> Bool {
        guard let address = AddressSet.block(host)?.lowerBound else { return false }
        return address >> 24 == UInt128(0xFFFF_7F)
    }
}
