"""Coefficients of ROS34PW2: four stages, order 3 with any Jacobian, L-stable.

Rang and Angermann (2005), doi 10.1007/s10543-005-0035-y. With u the increments of the stages, h the
step and J the Jacobian, a step from y is

    (1 / (GAMMA h) - J) u_i = f(y + sum_j A_ij u_j) + (1 / h) sum_j C_ij u_j,
    y_new = y + sum_j M_j u_j,    error = sum_j E_j u_j,
    y(t + x h) = y + sum_j (P_1j x + P_2j x**2 + P_3j x**3) u_j.
"""

import numpy as np

GAMMA = 0.435866521508459
_ALPHA_MATRIX = np.array(
    [
        [0.0, 0.0, 0.0, 0.0],
        [0.871733043016918, 0.0, 0.0, 0.0],
        [0.844570600153694, -0.112990642364842, 0.0, 0.0],
        [0.0, 0.0, 1.0, 0.0],
    ]
)
_GAMMA_MATRIX = np.array(
    [
        [GAMMA, 0.0, 0.0, 0.0],
        [-0.871733043016918, GAMMA, 0.0, 0.0],
        [-0.903380570130441, 0.0541806723880953, GAMMA, 0.0],
        [0.242123807060953, -1.22325058390451, 0.545260255335102, GAMMA],
    ]
)
_WEIGHTS = np.array([0.242123807060953, -1.22325058390451, 1.54526025533510, GAMMA])
_EMBEDDED = np.array([0.378109031458194, -0.0960422922124232, 0.5, 0.217933260754230])
# In the unknowns u = Gamma k no product with the Jacobian is left: Hairer and Wanner (1996),
# Solving Ordinary Differential Equations II, doi 10.1007/978-3-642-05221-7, section IV.7.
_INVERSE = np.linalg.inv(_GAMMA_MATRIX)
_STATE = _ALPHA_MATRIX @ _INVERSE
A21, (A31, A32), (A41, A42, A43) = _STATE[1, 0], _STATE[2, :2], _STATE[3, :3]
C21, (C31, C32), (C41, C42, C43) = -_INVERSE[1, 0], -_INVERSE[2, :2], -_INVERSE[3, :3]
M1, M2, M3, M4 = _WEIGHTS @ _INVERSE
E1, E2, E3, E4 = (_WEIGHTS - _EMBEDDED) @ _INVERSE
# The weights of the solution between the ends of a step as polynomials of the third degree, from
# the order conditions: Hairer and Wanner, table 7.1.
_BETA = _ALPHA_MATRIX + _GAMMA_MATRIX
_CONDITIONS = np.array([np.ones(4), _BETA.sum(1), _ALPHA_MATRIX.sum(1) ** 2, _BETA @ _BETA.sum(1)])
_MONOMIALS = np.array([[1, 0, 0], [0, 1 / 2, 0], [0, 0, 1 / 3], [0, 0, 1 / 6]])
_DENSE = np.linalg.solve(_CONDITIONS, _MONOMIALS).T @ _INVERSE
(P11, P12, P13, P14), (P21, P22, P23, P24), (P31, P32, P33, P34) = _DENSE
