import ArgumentParser

struct KeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Makes a P-256 key and the key set that verifies its tokens.",
        discussion: """
            Writes token-key.pem (PKCS #8, readable by its owner only) and jwks.json (RFC 7517) to the directory. An \
            existing key is kept, and jwks.json is written again from it; so the command can run twice.
            """)

    @Option(help: ArgumentHelp("Where to write both files; created when missing.", valueName: "path"))
    var directory: String

    @Flag(help: "Replace an existing key. Tokens signed with the old one are then refused.")
    var force = false

    func run() throws {
        try OutputFile.makeDirectory(directory)
        let keyPath = "\(directory)/token-key.pem"
        let keySetPath = "\(directory)/jwks.json"
        let key: TokenKey
        if !force, let existing = try TokenKey(ifPresentAt: keyPath) {
            key = existing
            print("kept \(keyPath)")
        } else {
            key = TokenKey()
            try OutputFile.write(key.pem, to: keyPath, mode: 0o600)
            print("wrote \(keyPath)")
        }
        try OutputFile.write(key.keySet, to: keySetPath, mode: 0o644)
        print("wrote \(keySetPath) (kid \(key.thumbprint))")
    }
}
