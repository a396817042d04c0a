/// Keys and signatures made once by Python's cryptography 48; the private keys were thrown away.
enum MoreKeys {
    static let json = """
        {"keys": [{"kty": "EC", "crv": "P-384", "kid": "p384", "x": "7piECLTsJVQIhgxJy2o6_2WaFFtsF\
        YwmPqDTW5Ty7Su0PWCOtLoeyv4LsWpYOGNg", "y": "BvllzzjPHeKcXs_sXqJT1O56ubf454uhAgkiVTZVn9hakG\
        T6SML3y3TVdxzWc39x"}, {"kty": "RSA", "kid": "pss", "alg": "PS256", "n": "qr4lC9f-ZUgnuQvlC\
        0yzPlmGoY9h9zebd1COYJrv8bdKAIfRpKr92jfJgHOS-Ltkc1fDRA7b7_0zETf2nNy4cJ3hOaEJgG79Z3tQ99CrIHa\
        vnEqVxZf45KBIZ9ZS-InzhlWpH4GJz2vUekvasgVMjt0B5R8ZX6MRsUYAMGUcIhjGbG8S2aJ6gyJAIyIswdGTMZgMn\
        UfC1QftJefbCMEolc0cQGAcXAxt8jXi93vs3vohNJ55xLIqV_3JTm2D5PmXNKe6LgdSfR7we3sz5_vew120nZGPxHu\
        H2NiIoOD_NBqGIgkY4D0rGTyy1srvskOI8Vqu78GBdtwRyAFdsAmOwQ", "e": "AQAB"}]}
        """

    static let tokens = [
        (
            "p384",
            """
            eyJhbGciOiAiRVMzODQiLCAia2lkIjogInAzODQifQ.eyJzdWIiOiJzb21lYm9keSJ9.aXtRlqhjEX6gzRIJiaABLZ\
            9RjkSZJoE930QAEoVK89USuJx07uVEyYrfdlWLUp2EV1qWQNJjgRhLPPB6eGz9mLqaSA-p8I_AZzCyoAOM40Wf8EaI\
            jjhuMvWioVjT-77G
            """
        ),
        (
            "pss",
            """
            eyJhbGciOiAiUFMyNTYiLCAia2lkIjogInBzcyJ9.eyJzdWIiOiJzb21lYm9keSJ9.RRsgiUXku-coJsTxDnrS6Gm-\
            fOcI5bMwa0jvvdPdMW7Yj_LS0II5qa97QClokcImwAtaQWdcPum8o36XVl_1p56xLuSpJlX5uTzjelR077VyR-eAKM\
            Jo9MbLih3YVPPPESxexRjUrKPRYkKUCouwx45DuwU7mfN01Pa0KfrPgFgRlMpTb1VhpotQh60FN-_r7xcgGU8ngEYU\
            6Vh_IP8Kc1ritxqrfclZu-TUwQaPTB-b_gTjy4wKrxyrhXrBOcQsK8j2tVqt-zqBf2jiyS1p6XDQHJlLrhYxWoQJ8H\
            Hf_A0hVWwoO3sutRQJm_Ze3gn2wYHi_ps9vJWbvmCjLRqJBw
            """
        ),
    ]
}
